//go:build tools

package zl

import _ "github.com/zmap/zlint/v3/cmd/zlint"
