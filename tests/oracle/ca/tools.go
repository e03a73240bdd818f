//go:build tools

// Package tools pins the real Fabric CA that the tests start: install it with
//
//	go install -mod=readonly github.com/hyperledger/fabric-ca/cmd/fabric-ca-server github.com/hyperledger/fabric-ca/cmd/fabric-ca-client
//
// in this folder, so that go.sum decides what is built.
package tools

import (
	_ "github.com/hyperledger/fabric-ca/cmd/fabric-ca-client"
	_ "github.com/hyperledger/fabric-ca/cmd/fabric-ca-server"
)
