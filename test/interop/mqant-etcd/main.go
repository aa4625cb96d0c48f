// Command mqant-etcd is a real mqant node whose registry is etcd: registered by mqant's own registry/etcdv3, finding others through it.
//
// It prints `{"ready":true,"id":…,"address":…}` when etcd shows it. Each line on stdin is a request; its answer is a line on stdout. It leaves on
// SIGTERM, SIGINT or when stdin closes. A module of its own: mqant's etcd client wants a gRPC that is too old for the other peers.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/liangdas/mqant"
	"github.com/liangdas/mqant/conf"
	"github.com/liangdas/mqant/module"
	basemodule "github.com/liangdas/mqant/module/base"
	"github.com/liangdas/mqant/registry"
	"github.com/liangdas/mqant/registry/etcdv3"
	mqrpc "github.com/liangdas/mqant/rpc"
	"github.com/liangdas/mqant/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"
)

var (
	natsURL  = flag.String("nats", nats.DefaultURL, "NATS URL")
	etcd     = flag.String("etcd", "127.0.0.1:2379", "etcd client address, host:port")
	id       = flag.String("id", "one", "node id after the @")
	ttl      = flag.Duration("ttl", 20*time.Second, "TTL of registrations")
	interval = flag.Duration("interval", 10*time.Second, "period of re-registration")
)

const kind = "goetcd"

func main() {
	flag.Parse()
	out := takeStdout()
	conn, err := nats.Connect(*natsURL, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	fail(err)
	dir, err := os.MkdirTemp("", "mqant-etcd-")
	fail(err)
	app := mqant.CreateApp(
		module.Parse(false),
		module.WorkDir(dir),
		module.Configure(writeConfig(dir)),
		module.LogDir(filepath.Join(dir, "logs")),
		module.BILogDir(filepath.Join(dir, "bi")),
		module.ProcessID("interop"),
		module.Debug(false),
		module.Nats(conn),
		module.Registry(etcdv3.NewRegistry(registry.Addrs(*etcd))),
		module.RegisterTTL(*ttl),
		module.RegisterInterval(*interval),
		module.KillWaitTTL(5*time.Second),
	)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	svc := &service{print: func(message any) { fail(encoder.Encode(message)) }, nats: conn}
	defer os.RemoveAll(dir)
	defer func() {
		// mqant's shutdown may panic after a minute in a race of its own (W-21); it is deregistered by then.
		_ = recover()
	}()
	fail(app.Run(svc))
}

type service struct {
	basemodule.BaseModule
	print func(any)
	nats  *nats.Conn
}

func (s *service) GetType() string { return kind }
func (s *service) Version() string { return "1.2.3" }

func (s *service) OnInit(app module.App, settings *conf.ModuleSettings) {
	metadata := map[string]string{"state": "alive", "odd": "<a & b> 名\u2028"}
	s.BaseModule.OnInit(s, app, settings, server.ID(*id), server.Metadata(metadata))
	s.GetServer().RegisterGO("/say/hi", func(name string) (string, error) { return "hi " + name, nil })
	s.GetServer().RegisterGO("/metadata/set", func(key, value string) (interface{}, error) {
		s.GetServer().Options().Metadata[key] = value
		return nil, s.GetServer().ServiceRegister()
	})
}

func (s *service) Run(closeSig chan bool) {
	go s.serve()
	<-closeSig
}

func (s *service) OnDestroy() { s.BaseModule.OnDestroy() }

type request struct {
	ID               int
	Op               string // call, servers
	Target, Fn, Name string
}

type node struct {
	ID       string            `json:"id"`
	Version  string            `json:"version"`
	Address  string            `json:"address"`
	Metadata map[string]string `json:"metadata"`
}

func (s *service) serve() {
	for len(s.nodes(kind)) == 0 || s.nats.NumSubscriptions() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	_ = s.nats.Flush()
	s.print(map[string]any{"ready": true, "id": s.GetServerID(), "address": s.GetServer().Options().Address})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		fail(json.Unmarshal(lines.Bytes(), &r))
		if r.Op == "servers" {
			s.print(map[string]any{"id": r.ID, "servers": s.nodes(r.Target)})
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		result, text := s.App.Call(ctx, r.Target, r.Fn, mqrpc.Param(r.Name))
		cancel()
		s.print(map[string]any{"id": r.ID, "result": result, "error": text})
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
}

// nodes are those that mqant's registry finds, without its cache.
func (s *service) nodes(target string) []node {
	found := []node{}
	services, _ := s.App.Registry().GetService(target)
	for _, one := range services {
		for _, n := range one.Nodes {
			found = append(found, node{n.Id, one.Version, n.Address, n.Metadata})
		}
	}
	return found
}

func writeConfig(dir string) string {
	config := map[string]any{
		"Module": map[string]any{kind: []any{map[string]string{"Id": kind + "-1", "ProcessID": "interop"}}},
		"Log":    map[string]any{"file": map[string]any{"prefix": "", "daily": false}},
		"BI":     map[string]any{"file": map[string]any{"prefix": "", "daily": false}},
	}
	text, err := json.MarshalIndent(config, "", "  ")
	fail(err)
	path := filepath.Join(dir, "server.json")
	fail(os.WriteFile(path, text, 0o600))
	return path
}

// takeStdout sets stdout aside and points the descriptor to stderr: mqant prints to it in several places.
func takeStdout() *os.File {
	copied, err := unix.Dup(1)
	fail(err)
	unix.CloseOnExec(copied)
	fail(unix.Dup2(2, 1))
	return os.NewFile(uintptr(copied), "stdout")
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
