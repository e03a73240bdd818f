// Command go-sdk is an application of the older client library for Go.
//
//	go-sdk PROFILE WALLET LABEL CHANNEL COUNT
//
// It loads a connection profile and an identity from a file-system wallet with the library, connects COUNT times, and asks a peer for
// the channel's height each time. It prints one JSON object.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/hyperledger/fabric-sdk-go/pkg/core/config"
	"github.com/hyperledger/fabric-sdk-go/pkg/gateway"
)

type answer struct {
	MspID       string  `json:"msp_id"`
	Certificate string  `json:"certificate"`
	Answered    int     `json:"answered"`
	Error       *string `json:"error"`
}

// firstPeer gives the name of a peer of the client's organisation in a connection profile.
func firstPeer(path string) (string, error) {
	backends, err := config.FromFile(path)()
	if err != nil {
		return "", err
	}
	organization, _ := backends[0].Lookup("client.organization")
	peers, _ := backends[0].Lookup(fmt.Sprintf("organizations.%v.peers", organization))
	if names, ok := peers.([]any); ok && len(names) > 0 {
		return fmt.Sprint(names[0]), nil
	}
	return "", errors.New("the profile has no peer")
}

func run(args []string) (answer, error) {
	count, err := strconv.Atoi(args[4])
	if err != nil {
		return answer{}, err
	}
	wallet, err := gateway.NewFileSystemWallet(args[1])
	if err != nil {
		return answer{}, err
	}
	found, err := wallet.Get(args[2])
	if err != nil {
		return answer{}, err
	}
	identity, ok := found.(*gateway.X509Identity)
	if !ok {
		return answer{}, errors.New("not an X.509 identity")
	}
	got := answer{MspID: identity.MspID, Certificate: identity.Certificate()}
	peer, err := firstPeer(args[0])
	if err != nil {
		return got, err
	}
	for ; got.Answered < count; got.Answered++ {
		connected, err := gateway.Connect(gateway.WithConfig(config.FromFile(args[0])), gateway.WithIdentity(wallet, args[2]))
		if err != nil {
			return got, err
		}
		network, err := connected.GetNetwork(args[3])
		if err != nil {
			return got, err
		}
		// The chaincode is part of the peer. Discovery does not know it, so the peer is named.
		transaction, err := network.GetContract("qscc").CreateTransaction("GetChainInfo", gateway.WithEndorsingPeers(peer))
		if err != nil {
			return got, err
		}
		height, err := transaction.Evaluate(args[3])
		if err != nil {
			return got, err
		}
		if len(height) == 0 {
			return got, errors.New("an empty answer")
		}
		connected.Close()
	}
	return got, nil
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: go-sdk PROFILE WALLET LABEL CHANNEL COUNT")
		os.Exit(2)
	}
	got, err := run(os.Args[1:])
	if err != nil {
		text := err.Error()
		got.Error = &text
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		panic(err)
	}
}
