// Command addserver is the add service of the article "gRPC with Consul" (shared/seeds/3): a plain gRPC server that puts itself into Consul as grpc.health.v1.<service>,
// with a check that the agent makes by gRPC. It prints {"ready":true,"port":N} when Consul calls it healthy, and leaves Consul when stdin closes.
//
// A request whose a is 0 is never answered, until its caller gives up; one whose b is negative fails. Both are printed as lines of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"time"

	"anthill.test/go-grpc/internal/addservice"
	consul "github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type server struct {
	name  string
	print func(any)
}

func (s *server) Add(ctx context.Context, request *addservice.AddRequest) (*addservice.AddResponse, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	if request.A == 0 {
		deadline, has := ctx.Deadline()
		s.print(map[string]any{"event": "waiting", "leftMs": time.Until(deadline).Milliseconds(), "hasDeadline": has, "metadata": incoming})
		<-ctx.Done()
		s.print(map[string]any{"event": "gone", "why": ctx.Err().Error()})
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if request.B < 0 {
		return nil, status.Errorf(codes.FailedPrecondition, "cannot add %d", request.B)
	}
	return &addservice.AddResponse{V: request.A + request.B, Err: s.name}, nil
}

func main() {
	address := flag.String("consul", "127.0.0.1:8500", "the agent")
	service := flag.String("service", "add", "name without the prefix")
	name := flag.String("name", "go", "what it calls itself in replies")
	port := flag.Int("port", 0, "to listen at; 0: any free one")
	interval := flag.Duration("interval", time.Second, "between checks of the agent")
	flag.Parse()

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	bound := listener.Addr().(*net.TCPAddr).Port
	var lock sync.Mutex
	out := json.NewEncoder(os.Stdout)
	print := func(line any) {
		lock.Lock()
		defer lock.Unlock()
		_ = out.Encode(line)
	}

	grpcServer := grpc.NewServer()
	addservice.Register(grpcServer, &server{name: *name, print: print})
	healthServer := health.NewServer()
	healthServer.SetServingStatus(*service, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(grpcServer, healthServer)
	go func() {
		if err := grpcServer.Serve(listener); err != nil {
			log.Fatal(err)
		}
	}()

	client, err := consul.NewClient(&consul.Config{Address: *address})
	if err != nil {
		log.Fatal(err)
	}
	id := fmt.Sprintf("%s-127.0.0.1-%d", *service, bound)
	err = client.Agent().ServiceRegister(&consul.AgentServiceRegistration{
		ID:      id,
		Name:    "grpc.health.v1." + *service,
		Tags:    []string{"hatlonely"},
		Port:    bound,
		Address: "127.0.0.1",
		Check: &consul.AgentServiceCheck{
			Interval:                       interval.String(),
			GRPC:                           fmt.Sprintf("127.0.0.1:%d/%s", bound, *service),
			DeregisterCriticalServiceAfter: "1m",
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	awaitHealthy(client, "grpc.health.v1."+*service, id)
	print(map[string]any{"ready": true, "port": bound, "id": id})

	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = client.Agent().ServiceDeregister(id)
	grpcServer.GracefulStop()
}

// A new check is critical until its first answer.
func awaitHealthy(client *consul.Client, name, id string) {
	var index uint64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		entries, meta, err := client.Health().Service(name, "", true, &consul.QueryOptions{WaitIndex: index, WaitTime: 5 * time.Second})
		if err != nil {
			log.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Service.ID == id {
				return
			}
		}
		index = meta.LastIndex
	}
	log.Fatal("Consul never called it healthy")
}
