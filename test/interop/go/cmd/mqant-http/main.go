// Command mqant-http is both ends of mqant's HTTP gateway: the gateway itself on a port of loopback, and a service of type "goweb" that answers
// HTTP behind NoFoundFunction.
//
// It prints `{"ready":true,"id":"goweb@id","port":8080}` when Consul shows the service and the port is open, and leaves on SIGTERM, SIGINT or when stdin closes.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"time"

	"anthill.test/interop/internal/peer"
	"github.com/liangdas/mqant/conf"
	"github.com/liangdas/mqant/httpgateway"
	go_api "github.com/liangdas/mqant/httpgateway/proto"
	"github.com/liangdas/mqant/module"
	basemodule "github.com/liangdas/mqant/module/base"
	mqrpc "github.com/liangdas/mqant/rpc"
)

const kind = "goweb"

func main() {
	var settings peer.Settings
	settings.Flags()
	flag.Parse()
	p, err := peer.Open(settings, kind)
	if err != nil {
		peer.Fail(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		p.Stop()
	}()
	os.Exit(p.Run(&web{peer: p}))
}

type web struct {
	basemodule.BaseModule
	peer *peer.Peer
}

func (w *web) GetType() string { return kind }
func (w *web) Version() string { return "1.0.0" }

func (w *web) OnInit(app module.App, settings *conf.ModuleSettings) {
	w.BaseModule.OnInit(w, app, settings)
	w.GetServer().SetListener(w)
}

// NoFoundFunction gives the types as well: mqant counts arguments by them before anything can recover (W-12).
func (w *web) NoFoundFunction(fn string) (*mqrpc.FunctionInfo, error) {
	serve := reflect.ValueOf(w.serve)
	return &mqrpc.FunctionInfo{Function: serve, FuncType: serve.Type(), InType: []reflect.Type{serve.Type().In(0)}, Goroutine: true}, nil
}

// serve says what arrived; X-Status asks for a status.
func (w *web) serve(request *go_api.Request) (*go_api.Response, error) {
	values := func(pairs map[string]*go_api.Pair) map[string][]string {
		found := map[string][]string{}
		for key, pair := range pairs {
			found[key] = pair.Values
		}
		return found
	}
	body, err := json.Marshal(map[string]any{
		"method": request.Method, "path": request.Path, "url": request.Url, "body": request.Body,
		"header": values(request.Header), "get": values(request.Get), "post": values(request.Post),
	})
	if err != nil {
		return nil, err
	}
	status := int32(0)
	if request.Path == "/goweb/teapot" {
		status = http.StatusTeapot
	}
	return &go_api.Response{StatusCode: status, Body: string(body), Header: map[string]*go_api.Pair{"X-Go": {Key: "X-Go", Values: []string{"yes"}}}}, nil
}

func (w *web) Run(closeSig chan bool) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.peer.Fail(err)
	}
	server := &http.Server{Handler: httpgateway.NewHandler(w.App)}
	go func() { _ = server.Serve(listener) }()
	go w.announce(listener.Addr().(*net.TCPAddr).Port)
	<-closeSig
	_ = server.Close()
}

func (w *web) OnDestroy() { w.BaseModule.OnDestroy() }

func (w *web) announce(port int) {
	for !w.discoverable() || w.peer.Nats.NumSubscriptions() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	_ = w.peer.Nats.Flush()
	w.peer.Print(map[string]any{"ready": true, "id": w.GetServerID(), "port": port})
}

func (w *web) discoverable() bool {
	services, err := w.App.Registry().GetService(kind)
	if err != nil {
		return false
	}
	for _, found := range services {
		for _, node := range found.Nodes {
			if node.Id == w.GetServerID() {
				return true
			}
		}
	}
	return false
}
