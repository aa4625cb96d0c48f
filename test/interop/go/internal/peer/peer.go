// Package peer starts a real mqant App in the way that both programs need: NATS and Consul from flags, one JSON line
// per message on stdout, everything else on stderr, nothing left behind.
package peer

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/liangdas/mqant"
	"github.com/liangdas/mqant/module"
	"github.com/liangdas/mqant/registry"
	"github.com/liangdas/mqant/registry/consul"
	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"
)

// processID names the only process group of the config file that Open writes.
const processID = "interop"

// Settings are the flags that both programs have.
type Settings struct {
	Nats, Consul            string
	TTL, Interval, Deadline time.Duration
	Verbose                 bool
}

// Flags adds the flags to the command line.
func (s *Settings) Flags() {
	flag.StringVar(&s.Nats, "nats", nats.DefaultURL, "NATS URL")
	flag.StringVar(&s.Consul, "consul", "127.0.0.1:8500", "Consul HTTP address, host:port")
	flag.DurationVar(&s.TTL, "ttl", 20*time.Second, "TTL of registrations")
	flag.DurationVar(&s.Interval, "interval", 10*time.Second, "period of re-registration")
	flag.DurationVar(&s.Deadline, "rpc-expired", 10*time.Second, "mqant's RPCExpired: timeout of calls that name none")
	flag.BoolVar(&s.Verbose, "verbose", false, "mqant's log on stderr (default: a file that goes with the process)")
}

// Peer is one mqant App of this process. There can be only one: mqant's configuration and logs are global.
type Peer struct {
	App  module.App
	Nats *nats.Conn

	dir      string
	mutex    sync.Mutex
	out      *json.Encoder
	sessions sync.Map // module.ServerSession → *sync.Once
}

// Open connects to NATS and creates the App; moduleType may be empty for an App without modules.
func Open(settings Settings, moduleType string) (*Peer, error) {
	out, err := takeStdout()
	if err != nil {
		return nil, fmt.Errorf("cannot set stdout aside: %w", err)
	}
	conn, err := nats.Connect(settings.Nats, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("no NATS server at %s: %w", settings.Nats, err)
	}
	dir, err := os.MkdirTemp("", "mqant-peer-")
	if err != nil {
		return nil, err
	}
	config, err := writeConfig(dir, moduleType)
	if err != nil {
		return nil, err
	}
	// With Parse(false) mqant dereferences nil unless all five paths are given (W-28). Registry after everything that
	// could replace the selector: it initialises the selector present at that moment.
	app := mqant.CreateApp(
		module.Parse(false),
		module.WorkDir(dir),
		module.Configure(config),
		module.LogDir(filepath.Join(dir, "logs")),
		module.BILogDir(filepath.Join(dir, "bi")),
		module.ProcessID(processID),
		module.Debug(settings.Verbose),
		module.Nats(conn),
		module.Registry(consul.NewRegistry(registry.Addrs(settings.Consul))),
		module.RegisterTTL(settings.TTL),
		module.RegisterInterval(settings.Interval),
		module.RPCExpired(settings.Deadline),
		module.KillWaitTTL(5*time.Second),
	)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return &Peer{App: app, Nats: conn, dir: dir, out: encoder}, nil
}

// Run blocks until SIGTERM, SIGINT or Stop, then gives the exit status.
func (p *Peer) Run(mods ...module.Module) (status int) {
	defer os.RemoveAll(p.dir)
	defer func() {
		// mqant's shutdown may wait for a minute in a race of its own (W-21) and then panics; by that time the node is
		// deregistered, so the process ends as if all had gone well.
		if r := recover(); r != nil {
			fmt.Fprintln(os.Stderr, "mqant did not stop in time:", r)
		}
	}()
	if err := p.App.Run(mods...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Stop ends Run. mqant has no API for that, only the signal.
func (p *Peer) Stop() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) }

// Fail ends a program that cannot go on, before Run.
func (p *Peer) Fail(err error) {
	_ = os.RemoveAll(p.dir)
	Fail(err)
}

// Print writes one line of JSON to the real stdout.
func (p *Peer) Print(message any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err := p.out.Encode(message); err != nil {
		fmt.Fprintln(os.Stderr, "cannot print:", err)
	}
}

// Fail ends a program that could not even open its Peer: the reason on stderr, status 1.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// mqant prints to stdout in several places, so the descriptor itself is pointed to stderr and a copy is kept for us.
func takeStdout() (*os.File, error) {
	copied, err := unix.Dup(1)
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(copied)
	if err := unix.Dup2(2, 1); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), "stdout"), nil
}

func writeConfig(dir, moduleType string) (string, error) {
	modules := map[string]any{}
	if moduleType != "" {
		modules[moduleType] = []any{map[string]string{"Id": moduleType + "-1", "ProcessID": processID}}
	}
	config := map[string]any{
		"Module": modules,
		// Without any engine mqant logs to the console even with Debug(false).
		"Log": map[string]any{"file": map[string]any{"prefix": "", "daily": false}},
		"BI":  map[string]any{"file": map[string]any{"prefix": "", "daily": false}},
	}
	// Indented: mqant truncates the file at a line of more than 4096 bytes (W-30).
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "server.json")
	return path, os.WriteFile(path, text, 0o600)
}
