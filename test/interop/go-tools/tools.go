//go:build tools

// Package tools names the Go programs that tests run against our gRPC server, so that go.mod pins them.
package tools

import (
	_ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
	_ "github.com/grpc-ecosystem/grpc-health-probe"
)
