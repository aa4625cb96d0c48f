// Command hrpcpeer keeps hrpc's contract with what hrpc itself is made of, grpc-go, encoding/json and Consul's client: a server registered with the environment as
// tag and an HTTP check, the header HRPC_MD_MESSAGE read before and passed on by every handler, and a caller that looks a service up by name and tag.
// hrpc's own module cannot be had from the Go module proxy.
//
// It prints {"ready":true,"id":...}, one line per call that it serves, and does what lines of JSON on stdin say:
//
//	{"id":1,"target":"order","a":"40","b":"2","message":{"server_name":"go","trace_id":"t","request_timeout":500000000,"namespace":"development"}}
//	{"id":1,"v":"42","err":"name of the server","code":"OK","message":""}
//
// A request whose a is 0 is never answered; with b below 0 it calls -next with -b instead, with the header that came.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"anthill.test/go-grpc/internal/addservice"
	consul "github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

var (
	address     = flag.String("consul", "127.0.0.1:8500", "the agent")
	name        = flag.String("name", "go", "of the service")
	environment = flag.String("environment", "development", "tag of the registration")
	next        = flag.String("next", "", "whom a request with b below 0 is for")
)

type peer struct {
	agent *consul.Client
	lock  sync.Mutex
	out   *json.Encoder
}

func (p *peer) print(line any) {
	p.lock.Lock()
	defer p.lock.Unlock()
	_ = p.out.Encode(line)
}

func (p *peer) Add(ctx context.Context, request *addservice.AddRequest) (*addservice.AddResponse, error) {
	deadline, _ := ctx.Deadline()
	p.print(map[string]any{"event": "call", "header": headerOf(ctx), "leftMs": time.Until(deadline).Milliseconds()})
	if request.A == 0 {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if request.B < 0 {
		return p.call(ctx, *next, "", &addservice.AddRequest{A: request.A, B: -request.B})
	}
	return &addservice.AddResponse{V: request.A + request.B, Err: *name}, nil
}

// call finds an instance as hrpc does, by one question to Consul: the largest weight, of equal ones the first.
func (p *peer) call(ctx context.Context, target, tag string, request *addservice.AddRequest) (*addservice.AddResponse, error) {
	if tag == "" {
		tag = *environment
	}
	entries, _, err := p.agent.Health().Service(target, tag, true, nil)
	if err != nil {
		return nil, err
	}
	var best *consul.AgentService
	for _, entry := range entries {
		if best == nil || entry.Service.Weights.Passing > best.Weights.Passing {
			best = entry.Service
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no %s with the tag %s", target, tag)
	}
	conn, err := grpc.NewClient(net.JoinHostPort(best.Address, strconv.Itoa(best.Port)), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return addservice.Add(ctx, conn, request)
}

type ask struct {
	ID      int     `json:"id"`
	Target  string  `json:"target"`
	Tag     string  `json:"tag"`
	A       int64   `json:"a,string"`
	B       int64   `json:"b,string"`
	Message *header `json:"message"`
}

func (p *peer) asked(one ask) {
	ctx := context.Background()
	if one.Message != nil {
		ctx = withHeader(ctx, *one.Message)
	}
	response, err := p.call(ctx, one.Target, one.Tag, &addservice.AddRequest{A: one.A, B: one.B})
	if response == nil {
		response = &addservice.AddResponse{}
	}
	said := status.Convert(err)
	p.print(map[string]any{"id": one.ID, "v": strconv.FormatInt(response.V, 10), "err": response.Err, "code": said.Code().String(), "message": said.Message()})
}

func main() {
	flag.Parse()
	agent, err := consul.NewClient(&consul.Config{Address: *address})
	fail(err)
	p := &peer{agent: agent, out: json.NewEncoder(os.Stdout)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	health, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	server := grpc.NewServer(grpc.UnaryInterceptor(passOn))
	addservice.Register(server, p)
	go func() { fail(server.Serve(listener)) }()
	go func() {
		fail(http.Serve(health, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "I'm alive.") })))
	}()
	id := strconv.FormatInt((time.Now().UnixMilli()-1597472019000)<<22, 10)
	fail(agent.Agent().ServiceRegister(&consul.AgentServiceRegistration{
		ID: id, Name: *name, Tags: []string{*environment}, Address: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port,
		Check: &consul.AgentServiceCheck{HTTP: "http://" + health.Addr().String(), Interval: "1s", Timeout: "3s", DeregisterCriticalServiceAfter: "30s"},
	}))
	p.awaitPassing(id)
	p.print(map[string]any{"ready": true, "id": id})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var one ask
		fail(json.Unmarshal(lines.Bytes(), &one))
		go p.asked(one)
	}
	_ = agent.Agent().ServiceDeregister(id)
	server.Stop()
	os.Exit(0)
}

// A new check is critical until its first answer.
func (p *peer) awaitPassing(id string) {
	var index uint64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		entries, meta, err := p.agent.Health().Service(*name, *environment, true, &consul.QueryOptions{WaitIndex: index, WaitTime: 5 * time.Second})
		fail(err)
		for _, entry := range entries {
			if entry.Service.ID == id {
				return
			}
		}
		index = meta.LastIndex
	}
	log.Fatal("Consul never called it healthy")
}

func fail(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
