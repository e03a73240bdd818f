//go:build tools

// Package tools pins the real API server of Kubernetes that the tests start: build it with
//
//	go build -mod=readonly -o ../bin/kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
//
// in this folder, so that go.sum decides what is built; .ci/run has the flags. cert-manager/ is a program of this module, since it
// shares most packages with the API server.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
