// Command msp-oracle asks Fabric's own msp package what a peer would say about a local MSP folder.
//
//	msp-oracle local DIR MSPID
//
// prints one JSON object (see verdict) and ends with 0 whatever the verdict is; with 2 when it was called wrongly.
// Like a peer, Fabric's loader creates DIR/keystore when it is missing: give it a copy if that matters.
//
// go.mod pins Fabric 2.1.1, the last release that another Go module can require by its version. It refuses some folders that
// Fabric 3 accepts: with a root whose own ECDSA signature is high-S (on today's Go, 2.1.1 no longer finds the root once
// it has normalised it; the roots of a Fabric CA are low-S), with an RSA or Ed25519 root, with an expired CA in
// tlscacerts. In a tree of Fabric 3 the same program builds with the tag fabric3 and gives that version's verdict.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/hyperledger/fabric/msp"
)

// verdict is what is printed. A step that was not reached is false; Error is that of the first step that failed.
type verdict struct {
	Fabric   string   `json:"fabric"`    // the version that judged
	Load     bool     `json:"load"`      // the folder's files were read
	Setup    bool     `json:"setup"`     // the MSP came up with them, the private key included
	Identity bool     `json:"identity"`  // the default signing identity is valid under its own MSP
	Signs    bool     `json:"signs"`     // it can sign a message; a peer starts if it comes this far
	Verifies bool     `json:"verifies"`  // its certificate verifies that signature, that is, key and certificate are a pair
	PeerRole bool     `json:"peer_role"` // it satisfies the principal "peer of this MSP"
	Roles    []string `json:"roles"`     // every role it satisfies
	Step     *string  `json:"step"`      // the step that failed, named as above
	Error    *string  `json:"error"`
}

// step runs one step; a panic inside Fabric counts as its refusal, as it would end a peer.
func (v *verdict) step(name string, done *bool, run func() error) bool {
	err := func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return run()
	}()
	if err != nil {
		text := err.Error()
		v.Step, v.Error = &name, &text
		return false
	}
	*done = true
	return true
}

// local goes the way of `peer node start`: internal/peer/common.InitCrypto, then the identity mapper's check of the
// node's own identity, then its first signature. Last comes what a peer
// does not notice: a key that is not the certificate's.
func local(dir, mspID string) verdict {
	v := verdict{Fabric: fabricVersion, Roles: []string{}}
	kind := msp.ProviderTypeToString(msp.FABRIC)
	var config *mspConfig
	var node msp.MSP
	var signer msp.SigningIdentity

	load := func() (err error) {
		config, err = msp.GetLocalMspConfigWithType(dir, nil, mspID, kind)
		return err
	}
	setup := func() (err error) {
		if node, err = msp.New(msp.Options[kind], cryptoProvider()); err != nil {
			return err
		}
		return node.Setup(config)
	}
	identity := func() (err error) {
		if signer, err = node.GetDefaultSigningIdentity(); err != nil {
			return err
		}
		// Through bytes, as a peer does it, so that the certificate is parsed anew.
		raw, err := signer.Serialize()
		if err != nil {
			return err
		}
		id, err := node.DeserializeIdentity(raw)
		if err != nil {
			return err
		}
		return node.Validate(id)
	}
	message := []byte("signed by the local MSP")
	var signature []byte
	signs := func() (err error) {
		signature, err = signer.Sign(message)
		return err
	}
	verifies := func() error { return signer.Verify(message, signature) }

	_ = v.step("load", &v.Load, load) && v.step("setup", &v.Setup, setup) &&
		v.step("identity", &v.Identity, identity) && v.step("signs", &v.Signs, signs) &&
		v.step("verifies", &v.Verifies, verifies)
	if v.Identity {
		for _, role := range roles {
			if signer.SatisfiesPrincipal(rolePrincipal(mspID, role.value)) == nil {
				v.Roles = append(v.Roles, role.name)
				v.PeerRole = v.PeerRole || role.name == "peer"
			}
		}
	}
	return v
}

func main() {
	if len(os.Args) != 4 || os.Args[1] != "local" {
		fmt.Fprintln(os.Stderr, "usage: msp-oracle local DIR MSPID")
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(local(os.Args[2], os.Args[3])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
