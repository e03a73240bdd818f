// Command go-gateway is an application of the Gateway API, with the client library for Go.
//
//	go-gateway PROFILE WALLET LABEL CHANNEL COUNT
//
// It takes the address and the TLS roots from a connection profile and the identity from a wallet, connects COUNT times, and asks
// the peer for the channel's height each time. It prints one JSON object.
package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const patience = 10 * time.Second

type answer struct {
	MspID       string  `json:"msp_id"`
	Certificate string  `json:"certificate"`
	Answered    int     `json:"answered"`
	Error       *string `json:"error"`
}

type profile struct {
	Peers map[string]struct {
		URL        string `json:"url"`
		TLSCACerts struct {
			Pem string `json:"pem"`
		} `json:"tlsCACerts"`
	} `json:"peers"`
}

type card struct {
	MspID       string `json:"mspId"`
	Credentials struct {
		Certificate string `json:"certificate"`
		PrivateKey  string `json:"privateKey"`
	} `json:"credentials"`
}

func read(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

// height asks a peer that it dials for the height of a channel.
func height(target, channel string, roots *x509.CertPool, id identity.Identity, sign identity.Sign) error {
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")))
	if err != nil {
		return err
	}
	defer connection.Close()
	gateway, err := client.Connect(id, client.WithSign(sign), client.WithClientConnection(connection), client.WithEvaluateTimeout(patience))
	if err != nil {
		return err
	}
	defer gateway.Close()
	found, err := gateway.GetNetwork(channel).GetContract("qscc").EvaluateTransaction("GetChainInfo", channel)
	if err == nil && len(found) == 0 {
		err = errors.New("an empty answer")
	}
	return err
}

func run(args []string) (answer, error) {
	count, err := strconv.Atoi(args[4])
	if err != nil {
		return answer{}, err
	}
	var p profile
	var c card
	if err := errors.Join(read(args[0], &p), read(filepath.Join(args[1], args[2]+".id"), &c)); err != nil {
		return answer{}, err
	}
	got := answer{MspID: c.MspID, Certificate: c.Credentials.Certificate}
	certificate, err := identity.CertificateFromPEM([]byte(c.Credentials.Certificate))
	if err != nil {
		return got, err
	}
	id, err := identity.NewX509Identity(c.MspID, certificate)
	if err != nil {
		return got, err
	}
	key, err := identity.PrivateKeyFromPEM([]byte(c.Credentials.PrivateKey))
	if err != nil {
		return got, err
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return got, err
	}
	for _, peer := range p.Peers {
		address, err := url.Parse(peer.URL)
		if err != nil {
			return got, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(peer.TLSCACerts.Pem)) {
			return got, errors.New("the profile has no TLS root")
		}
		for ; got.Answered < count; got.Answered++ {
			if err := height(address.Host, args[3], roots, id, sign); err != nil {
				return got, err
			}
		}
	}
	return got, nil
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: go-gateway PROFILE WALLET LABEL CHANNEL COUNT")
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
