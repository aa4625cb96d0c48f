// Command addclient is the client of the article "gRPC with Consul" (shared/seeds/3): a plain gRPC client that finds the nodes of grpc.health.v1.<service> by blocking queries, and
// calls them in turn. It prints {"ready":true}, then does what lines of JSON on stdin say:
//
//	{"id":1,"a":"40","b":"2","timeoutMs":1000,"cancelMs":0,"metadata":{"x-trace":"t"}}
//	{"id":1,"v":"42","err":"name of the server","code":"OK","message":"","details":[{"reason":"...","domain":"...","metadata":{}}]}
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sync"
	"time"

	"anthill.test/go-grpc/internal/addservice"
	consul "github.com/hashicorp/consul/api"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type ask struct {
	ID        int               `json:"id"`
	A         int64             `json:"a,string"`
	B         int64             `json:"b,string"`
	TimeoutMs int               `json:"timeoutMs"`
	CancelMs  int               `json:"cancelMs"`
	Metadata  map[string]string `json:"metadata"`
}

type detail struct {
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata"`
}

type answer struct {
	ID      int      `json:"id"`
	V       int64    `json:"v,string"`
	Err     string   `json:"err"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details []detail `json:"details"`
}

func main() {
	address := flag.String("consul", "127.0.0.1:8500", "the agent")
	service := flag.String("service", "add", "name without the prefix")
	flag.Parse()
	client, err := consul.NewClient(&consul.Config{Address: *address})
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient("consul:///grpc.health.v1."+*service,
		grpc.WithResolvers(&builder{client: client}),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	out := json.NewEncoder(os.Stdout)
	print := func(line any) {
		lock.Lock()
		defer lock.Unlock()
		_ = out.Encode(line)
	}
	print(map[string]any{"ready": true})
	lines := bufio.NewScanner(os.Stdin)
	var running sync.WaitGroup
	for lines.Scan() {
		var one ask
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			log.Fatal(err)
		}
		running.Go(func() { print(call(conn, one)) })
	}
	running.Wait()
}

func call(conn *grpc.ClientConn, one ask) answer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(one.TimeoutMs)*time.Millisecond)
	defer cancel()
	if one.CancelMs > 0 {
		time.AfterFunc(time.Duration(one.CancelMs)*time.Millisecond, cancel)
	}
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(one.Metadata))
	// The first answer of Consul may still be under way.
	response, err := addservice.Add(ctx, conn, &addservice.AddRequest{A: one.A, B: one.B}, grpc.WaitForReady(true))
	said := status.Convert(err)
	result := answer{ID: one.ID, V: response.V, Err: response.Err, Code: said.Code().String(), Message: said.Message(), Details: []detail{}}
	for _, item := range said.Details() {
		if info, is := item.(*errdetails.ErrorInfo); is {
			result.Details = append(result.Details, detail{Reason: info.Reason, Domain: info.Domain, Metadata: info.Metadata})
		}
	}
	return result
}
