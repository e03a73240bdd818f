//go:build !fabric3

package main

import (
	"github.com/golang/protobuf/proto"
	mspproto "github.com/hyperledger/fabric-protos-go/msp"
	"github.com/hyperledger/fabric/bccsp"
	"github.com/hyperledger/fabric/bccsp/factory"
	"github.com/hyperledger/fabric/msp"
)

const fabricVersion = "2.5.0"

type mspConfig = mspproto.MSPConfig

// The rules of a channel, by the version of the MSP.
var channelVersions = map[string]msp.MSPVersion{
	"1.4.3": msp.MSPv1_4_3,
}

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
