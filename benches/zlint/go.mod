module fabcert.test/zlint

go 1.25.0

require github.com/zmap/zlint/v3 v3.7.3
