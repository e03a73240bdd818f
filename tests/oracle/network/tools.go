//go:build tools

// Package tools pins the real Fabric nodes and their tools that the tests start: build them with
//
//	go build -mod=readonly -o ../bin/ github.com/hyperledger/fabric/cmd/{configtxgen,configtxlator,orderer,osnadmin,peer}
//
// in this folder, so that go.sum decides what is built.
package tools

import (
	_ "github.com/hyperledger/fabric/cmd/configtxgen"
	_ "github.com/hyperledger/fabric/cmd/configtxlator"
	_ "github.com/hyperledger/fabric/cmd/orderer"
	_ "github.com/hyperledger/fabric/cmd/osnadmin"
	_ "github.com/hyperledger/fabric/cmd/peer"
)
