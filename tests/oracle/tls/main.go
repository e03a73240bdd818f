// Command tls-probe gives the verdict of Go's crypto/tls, which is what a peer and its Go clients use.
//
//	tls-probe serve CERT KEY         serve TLS as a peer does, until standard input ends
//	tls-probe dial ADDR CAFILE NAME  connect to ADDR, trust CAFILE, expect NAME
//
// Each prints one JSON object on one line: serve {"address","error"}, dial {"accept","error","version","dns_names"}.
// The exit code is 0 whatever the verdict is, and 2 when the command was called wrongly.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const patience = 10 * time.Second

type served struct {
	Address string  `json:"address"`
	Error   *string `json:"error"`
}

type dialled struct {
	Accept   bool     `json:"accept"`
	Error    *string  `json:"error"`
	Version  string   `json:"version"`
	DNSNames []string `json:"dns_names"` // of the leaf that was served
}

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "serve":
		serve(args[1], args[2])
	case len(args) == 4 && args[0] == "dial":
		report(dial(args[1], args[2], args[3]))
	default:
		fmt.Fprintln(os.Stderr, "usage: tls-probe serve CERT KEY | tls-probe dial ADDR CAFILE NAME")
		os.Exit(2)
	}
}

func report(v any) {
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func text(err error) *string {
	s := err.Error()
	return &s
}

func serve(certFile, keyFile string) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		report(served{Error: text(err)})
		return
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		report(served{Error: text(err)})
		return
	}
	report(served{Address: listener.Addr().String()})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				// The handshake happens on the first read; nothing is ever sent.
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func dial(address, caFile, name string) dialled {
	v := dialled{DNSNames: []string{}}
	bundle, err := os.ReadFile(caFile)
	if err != nil {
		v.Error = text(err)
		return v
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		v.Error = text(errors.New("no certificate in " + caFile))
		return v
	}
	config := &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	if err != nil {
		v.Error = text(err)
		return v
	}
	defer conn.Close()
	state := conn.ConnectionState()
	v.Accept, v.Version = true, tls.VersionName(state.Version)
	v.DNSNames = append(v.DNSNames, state.PeerCertificates[0].DNSNames...)
	return v
}
