//go:build fabric3

package main

import (
	"github.com/hyperledger/fabric-lib-go/bccsp"
	"github.com/hyperledger/fabric-lib-go/bccsp/factory"
	mspproto "github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

const fabricVersion = "3"

type mspConfig = mspproto.MSPConfig

var roles = []struct {
	name  string
	value mspproto.MSPRole_MSPRoleType
}{
	{"member", mspproto.MSPRole_MEMBER},
	{"admin", mspproto.MSPRole_ADMIN},
	{"client", mspproto.MSPRole_CLIENT},
	{"peer", mspproto.MSPRole_PEER},
	{"orderer", mspproto.MSPRole_ORDERER},
}

func cryptoProvider() bccsp.BCCSP { return factory.GetDefault() }

func rolePrincipal(mspID string, role mspproto.MSPRole_MSPRoleType) *mspproto.MSPPrincipal {
	raw, err := proto.Marshal(&mspproto.MSPRole{MspIdentifier: mspID, Role: role})
	if err != nil {
		panic(err)
	}
	return &mspproto.MSPPrincipal{PrincipalClassification: mspproto.MSPPrincipal_ROLE, Principal: raw}
}
