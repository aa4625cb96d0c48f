// Command mqant-caller is a real mqant App that calls what it is told to, by lines of JSON:
//
//	{"id":1,"op":"call","target":"gosvc","fn":"/say/hi","args":[{"t":"string","v":"mqant"}],"timeoutMs":3000}
//	{"id":1,"result":{"t":"string","v":"hi mqant"},"error":"","ms":1}
//
// See README.md for all fields. It leaves on SIGTERM, SIGINT, or when stdin closes and all calls are answered.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"anthill.test/interop/internal/peer"
	"github.com/liangdas/mqant/module"
)

func main() {
	var settings peer.Settings
	settings.Flags()
	flag.Parse()
	p, err := peer.Open(settings, "")
	if err != nil {
		peer.Fail(err)
	}
	if err := awaitRegistry(p.App, settings.Consul); err != nil {
		p.Fail(err)
	}
	_ = p.App.OnStartup(func(module.App) { go serve(p) })
	os.Exit(p.Run())
}

func awaitRegistry(app module.App, address string) error {
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err = app.Registry().ListServices(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no Consul at %s: %w", address, err)
}

func serve(p *peer.Peer) {
	c := &caller{app: p.App, peer: p}
	p.Print(map[string]any{"ready": true})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	var running sync.WaitGroup
	for lines.Scan() {
		var ask request
		if err := json.Unmarshal(lines.Bytes(), &ask); err != nil {
			p.Print(answer{Error: "caller: not a request: " + err.Error()})
			continue
		}
		running.Go(func() { p.Print(c.handle(ask)) })
	}
	running.Wait()
	p.Stop()
}
