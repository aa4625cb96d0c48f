// Command mqant-gate is a real mqant gate: MQTT over TCP and WebSocket on loopback.
//
// It prints `{"ready":true,"id":"Gate@id"}` when Consul shows it and its ports are open, and leaves on SIGTERM, SIGINT or when stdin closes.
package main

import (
	"flag"
	"io"
	"net"
	"os"
	"time"

	"anthill.test/interop/internal/peer"
	"github.com/liangdas/mqant/conf"
	"github.com/liangdas/mqant/gate"
	basegate "github.com/liangdas/mqant/gate/base"
	"github.com/liangdas/mqant/module"
)

func main() {
	var settings peer.Settings
	settings.Flags()
	g := &gateModule{}
	flag.StringVar(&g.tcp, "tcp", "127.0.0.1:3563", "TCP address for clients")
	flag.StringVar(&g.ws, "ws", "127.0.0.1:3653", "WebSocket address for clients")
	flag.Parse()

	p, err := peer.Open(settings, "Gate")
	if err != nil {
		peer.Fail(err)
	}
	g.peer = p
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		p.Stop()
	}()
	os.Exit(p.Run(g))
}

type gateModule struct {
	basegate.Gate
	peer    *peer.Peer
	tcp, ws string
}

func (g *gateModule) GetType() string { return "Gate" }
func (g *gateModule) Version() string { return "1.0.0" }

func (g *gateModule) OnInit(app module.App, settings *conf.ModuleSettings) {
	g.Gate.OnInit(g, app, settings, gate.TCPAddr(g.tcp), gate.WsAddr(g.ws))
	go g.announce()
}

func (g *gateModule) announce() {
	for _, address := range []string{g.tcp, g.ws} {
		for {
			if conn, err := net.Dial("tcp", address); err == nil {
				_ = conn.Close()
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for !g.discoverable() {
		time.Sleep(10 * time.Millisecond)
	}
	_ = g.peer.Nats.Flush()
	g.peer.Print(map[string]any{"ready": true, "id": g.GetServerID()})
}

func (g *gateModule) discoverable() bool {
	services, err := g.peer.App.Registry().GetService("Gate")
	if err != nil {
		return false
	}
	for _, found := range services {
		for _, node := range found.Nodes {
			if node.Id == g.GetServerID() {
				return true
			}
		}
	}
	return false
}
