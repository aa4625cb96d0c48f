package main

import (
	"context"
	"encoding/json"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// headerKey is hrpc's; gRPC sends it in lower case.
const headerKey = "HRPC_MD_MESSAGE"

// header is the JSON of hrpc's header.
type header struct {
	ServerName     string        `json:"server_name"`
	TraceID        string        `json:"trace_id"`
	RequestTimeout time.Duration `json:"request_timeout"`
	Namespace      string        `json:"namespace"`
	ClientInfo     struct {
		IP string `json:"ip"`
		UA string `json:"ua"`
	} `json:"client_info"`
}

// headerOf is what came; without one, or with one that is no JSON, what hrpc goes on with.
func headerOf(ctx context.Context) header {
	incoming, _ := metadata.FromIncomingContext(ctx)
	standard := header{RequestTimeout: 3 * time.Second}
	values := incoming.Get(headerKey)
	if len(values) == 0 {
		return standard
	}
	var came header
	if json.Unmarshal([]byte(values[0]), &came) != nil {
		return standard
	}
	return came
}

func withHeader(ctx context.Context, message header) context.Context {
	text, _ := json.Marshal(message)
	return metadata.NewOutgoingContext(ctx, metadata.Pairs(headerKey, string(text)))
}

// passOn does what hrpc's interceptor does: the handler has no longer than the header says, and what it calls gets the header that came.
func passOn(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	came := headerOf(ctx)
	ctx, cancel := context.WithTimeout(ctx, came.RequestTimeout)
	defer cancel()
	return handler(withHeader(ctx, came), request)
}
