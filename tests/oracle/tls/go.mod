module fabcert.test/tls-probe

go 1.26
