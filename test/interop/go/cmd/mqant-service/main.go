// Command mqant-service is a real mqant node with a handler for every argument and result type of mqant's wire.
//
// It prints `{"ready":true,"id":"type@id","address":"<NATS subject>"}` when Consul shows it and its subject is
// subscribed, and leaves on SIGTERM, SIGINT or when stdin closes.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"anthill.test/interop/internal/peer"
	"github.com/liangdas/mqant/conf"
	"github.com/liangdas/mqant/module"
	basemodule "github.com/liangdas/mqant/module/base"
	"github.com/liangdas/mqant/server"
)

func main() {
	var settings peer.Settings
	settings.Flags()
	svc := &service{metadata: metadata{}}
	flag.StringVar(&svc.kind, "type", "gosvc", "module type: the name of the service")
	flag.StringVar(&svc.version, "version", "1.0.0", "version of the module")
	flag.StringVar(&svc.id, "id", "", "node id after the @ (default: 16 random hex digits)")
	flag.Var(svc.metadata, "meta", "metadata of the node, key=value; may be repeated")
	flag.Parse()

	p, err := peer.Open(settings, svc.kind)
	if err != nil {
		peer.Fail(err)
	}
	svc.peer = p
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		p.Stop()
	}()
	os.Exit(p.Run(svc))
}

// metadata is a repeatable key=value flag.
type metadata map[string]string

func (m metadata) String() string { return fmt.Sprint(map[string]string(m)) }

func (m metadata) Set(pair string) error {
	key, value, found := strings.Cut(pair, "=")
	if !found || key == "" {
		return fmt.Errorf("%q is not key=value", pair)
	}
	m[key] = value
	return nil
}

type service struct {
	basemodule.BaseModule
	peer              *peer.Peer
	kind, version, id string
	metadata          metadata
	notes             notes
	serial, parallel  gauge
}

func (s *service) GetType() string { return s.kind }
func (s *service) Version() string { return s.version }

// OnInit registers the node and only then binds handlers: mqant knows no other order (W-10).
func (s *service) OnInit(app module.App, settings *conf.ModuleSettings) {
	options := []server.Option{server.Metadata(s.metadata)}
	if s.id != "" {
		options = append(options, server.ID(s.id))
	}
	s.BaseModule.OnInit(s, app, settings, options...)
	s.bind(s.GetServer())
}

func (s *service) Run(closeSig chan bool) {
	go s.announce()
	<-closeSig
}

func (s *service) OnDestroy() { s.BaseModule.OnDestroy() }

func (s *service) announce() {
	for !s.discoverable() {
		time.Sleep(10 * time.Millisecond)
	}
	// The subscription is made in a goroutine of mqant; behind a flush the server knows it.
	for s.peer.Nats.NumSubscriptions() == 0 {
		time.Sleep(time.Millisecond)
	}
	_ = s.peer.Nats.Flush()
	s.peer.Print(map[string]any{"ready": true, "id": s.GetServerID(), "address": s.GetServer().Options().Address})
}

func (s *service) discoverable() bool {
	services, err := s.App.Registry().GetService(s.kind)
	if err != nil {
		return false
	}
	for _, found := range services {
		for _, node := range found.Nodes {
			if node.Id == s.GetServerID() {
				return true
			}
		}
	}
	return false
}
