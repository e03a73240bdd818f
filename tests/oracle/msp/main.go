// Command msp-oracle asks Fabric's own msp package what a node and a channel would say about an MSP folder.
//
//	msp-oracle local DIR MSPID            as the local MSP of a peer
//	msp-oracle channel RULES DIR MSPID    as the MSP of an organisation; RULES is 1.4.3, or with Fabric 3 also 3.0
//
// Each prints one JSON object (see verdict) and ends with 0 whatever the verdict is; with 2 when it was called wrongly.
// Like a peer, Fabric's loader creates DIR/keystore when it is missing (local only): give it a copy if that matters.
//
// go.mod pins Fabric 2.5.0 by its commit (bd8e2485): Fabric's tags after 2.1.1 cannot be required by their number, since its
// module path bears no major version. In a tree of Fabric 3 the same program builds with the tag fabric3 and gives that
// version's verdict. From Fabric 3 (commit 0c423ac4), 2.5.0 differs in this only:
//   - it refuses an Ed25519 key in any certificate of the MSP, the TLS CAs excepted, and an RSA key only when it signs;
//   - it accepts a key that stands twice in config.yaml.
package main

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hyperledger/fabric/msp"
)

// verdict is what is printed. A step that was not reached is false; Error is that of the first step that failed.
type verdict struct {
	Fabric   string   `json:"fabric"`    // the version that judged
	Load     bool     `json:"load"`      // the folder's files were read
	Setup    bool     `json:"setup"`     // the MSP came up with them, the private key included
	Identity bool     `json:"identity"`  // the default signing identity is valid under its own MSP; of a channel: the signcert is a member
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

// channel sets the folder up as a channel does with the MSP of an organisation, and asks whether the first usable file of
// signcerts is a valid member. Without one, identity is false and the error says so.
func channel(version msp.MSPVersion, dir, mspID string) verdict {
	v := verdict{Fabric: fabricVersion, Roles: []string{}}
	var config *mspConfig
	var org msp.MSP

	load := func() (err error) {
		config, err = msp.GetVerifyingMspConfig(dir, mspID, msp.ProviderTypeToString(msp.FABRIC))
		return err
	}
	setup := func() (err error) {
		opts := &msp.BCCSPNewOpts{NewBaseOpts: msp.NewBaseOpts{Version: version}}
		if org, err = msp.New(opts, cryptoProvider()); err != nil {
			return err
		}
		return org.Setup(config)
	}
	identity := func() error {
		certificate, err := firstPEM(filepath.Join(dir, "signcerts"))
		if err != nil {
			return err
		}
		raw, err := msp.NewSerializedIdentity(mspID, certificate)
		if err != nil {
			return err
		}
		id, err := org.DeserializeIdentity(raw)
		if err != nil {
			return err
		}
		return org.Validate(id)
	}
	_ = v.step("load", &v.Load, load) && v.step("setup", &v.Setup, setup) && v.step("identity", &v.Identity, identity)
	return v
}

// firstPEM is the first file, by name, that holds a PEM block: the one that Fabric takes from signcerts.
func firstPEM(dir string) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue
		}
		if block, _ := pem.Decode(content); block != nil {
			return content, nil
		}
	}
	return nil, errors.New("no certificate in " + dir)
}

func judge(args []string) (verdict, bool) {
	if len(args) == 3 && args[0] == "local" {
		return local(args[1], args[2]), true
	}
	if len(args) == 4 && args[0] == "channel" {
		if version, known := channelVersions[args[1]]; known {
			return channel(version, args[2], args[3]), true
		}
	}
	return verdict{}, false
}

func main() {
	v, called := judge(os.Args[1:])
	if !called {
		fmt.Fprintln(os.Stderr, "usage: msp-oracle local DIR MSPID | msp-oracle channel RULES DIR MSPID")
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
