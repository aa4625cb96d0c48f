package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	"anthill.test/interop/internal/beans"
	"github.com/liangdas/mqant/gate"
	"github.com/liangdas/mqant/log"
	"github.com/liangdas/mqant/module"
	rpcpb "github.com/liangdas/mqant/rpc/pb"
	"github.com/liangdas/mqant/server"
)

// Everything is RegisterGO, save what is about Register itself.
func (s *service) bind(to server.Server) {
	bindTyped[bool](to, "bool")
	bindTyped[int32](to, "int")
	bindTyped[int64](to, "long")
	bindTyped[float32](to, "float")
	bindTyped[float64](to, "double")
	bindTyped[[]byte](to, "bytes")
	bindTyped[string](to, "string")
	bindTyped[map[string]interface{}](to, "map")
	bindTyped[map[string]string](to, "mapstr")
	bindTyped[*rpcpb.ResultInfo](to, "proto")
	bindTyped[*beans.Req](to, "marshal")
	bindTyped[log.TraceSpan](to, "trace")
	bindTyped[gate.Session](to, "session")
	bindTyped[module.ProtocolMarshal](to, "pmarshal")
	bindTyped[interface{}](to, "any")
	to.RegisterGO("/describe", describe[interface{}])

	// A plain struct or slice arrives as `bytes` with JSON in it; mqant cannot send one, so the echo gives JSON bytes.
	bindJSON[beans.Person](to, "struct")
	bindJSON[*beans.Person](to, "structptr")
	bindJSON[[]string](to, "list")

	to.RegisterGO("/echo/null", func(interface{}) (interface{}, error) { return nil, nil })
	to.RegisterGO("/echo/marshalvalue", func(r beans.Req) (*beans.Rsp, error) { return &beans.Rsp{Msg: r.Id}, nil })
	to.RegisterGO("/echo/nameless", func(n *beans.Nameless) (*beans.Nameless, error) { return n, nil })
	to.RegisterGO("/nil/map", func() (map[string]interface{}, error) { return nil, nil })
	to.RegisterGO("/nil/mapstr", func() (map[string]string, error) { return nil, nil })
	to.RegisterGO("/nil/bytes", func() ([]byte, error) { return nil, nil })
	to.RegisterGO("/nil/proto", func() (*rpcpb.ResultInfo, error) { return nil, nil })

	to.RegisterGO("/mix", mix)
	to.RegisterGO("HD_session", hdSession)
	to.RegisterGO("HD_bytes", func(_ gate.Session, body []byte) ([]byte, error) { return append([]byte("got "), body...), nil })
	to.RegisterGO("HD_fail", func(gate.Session, map[string]interface{}) (string, error) { return "", errors.New("go says no") })

	// The tutorial's own handlers.
	to.RegisterGO("/say/hi", func(name string) (string, error) { return "hi " + name, nil })
	to.RegisterGO("/test/proto", func(r *rpcpb.ResultInfo) (*rpcpb.ResultInfo, error) {
		return &rpcpb.ResultInfo{Error: fmt.Sprintf("你说: %v", r.Error)}, nil
	})
	to.RegisterGO("/test/marshal", func(r beans.Req) (*beans.Rsp, error) { return &beans.Rsp{Msg: r.Id}, nil })

	to.RegisterGO("/fail/string", func(text string) (interface{}, string) { return nil, text })
	to.RegisterGO("/fail/error", func(text string) (interface{}, error) { return nil, errors.New(text) })
	to.RegisterGO("/fail/both", func(result, text string) (string, error) { return result, errors.New(text) })
	to.RegisterGO("/fail/panic", func(text string) (string, error) { panic(text) })
	to.RegisterGO("/fail/signature", func() string { return "mqant wants two results" })
	to.RegisterGO("/fail/unsupported", func() (interface{}, error) { return beans.Person{Name: "mqant"}, nil })
	to.RegisterGO("/fail/utf8", func() (string, error) { return "", errors.New("bad \xff utf-8") }) // no reply (W-23)

	to.RegisterGO("/sleep", sleep)
	to.Register("/serial", s.serial.hold)
	to.RegisterGO("/parallel", s.parallel.hold)

	to.RegisterGO("/note", s.notes.add)
	to.RegisterGO("/notes", s.notes.take)
	to.RegisterGO("/whoami", func() (string, error) { return s.GetServerID(), nil })
	to.RegisterGO("/metadata/set", s.setMetadata)
	to.RegisterGO("/relay", s.relay)
}

func bindTyped[T any](to server.Server, name string) {
	to.RegisterGO("/echo/"+name, func(v T) (T, error) { return v, nil })
	to.RegisterGO("/describe/"+name, describe[T])
}

func bindJSON[T any](to server.Server, name string) {
	to.RegisterGO("/echo/"+name, func(v T) ([]byte, error) { return json.Marshal(v) })
	to.RegisterGO("/describe/"+name, describe[T])
}

func describe[T any](v T) (string, error) { return text(v), nil }

// text is `%T:%v`, save that what a pointer points to is shown as JSON, and traces and sessions by their fields.
func text(v interface{}) string {
	switch it := v.(type) {
	case gate.Session:
		return fmt.Sprintf("gate.Session:%s %s %s %s", it.GetSessionID(), it.GetUserID(), it.GetServerID(), it.GetIP())
	case log.TraceSpan:
		return fmt.Sprintf("log.TraceSpan:%s", it.TraceId()) // the receiver has made a new span id
	case module.ProtocolMarshal:
		return fmt.Sprintf("module.ProtocolMarshal:%v", it.GetData())
	}
	if reflect.ValueOf(v).Kind() == reflect.Pointer {
		encoded, _ := json.Marshal(v)
		return fmt.Sprintf("%T:%s", v, encoded)
	}
	return fmt.Sprintf("%T:%v", v, v)
}

// mix takes one of each type and gives back what it saw of each, by name.
func mix(
	b bool, i int32, l int64, f float32, d float64, raw []byte, str string, m map[string]interface{},
	ms map[string]string, null interface{}, p *rpcpb.ResultInfo, r *beans.Req, t log.TraceSpan,
) (map[string]string, error) {
	return map[string]string{
		"bool": text(b), "int": text(i), "long": text(l), "float": text(f), "double": text(d), "bytes": text(raw),
		"string": text(str), "map": text(m), "mapstr": text(ms), "null": text(null), "proto": text(p),
		"marshal": text(r), "trace": text(t),
	}, nil
}

func sleep(ms int64) (int64, error) {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return ms, nil
}

// gauge tells how many calls are in the same handler at once, the asking one included.
type gauge struct {
	mutex   sync.Mutex
	running int64
}

func (g *gauge) hold(ms int64) (int64, error) {
	seen := g.add(1)
	defer g.add(-1)
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return seen, nil
}

func (g *gauge) add(n int64) int64 {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.running += n
	return g.running
}

// notes remember what came by calls without reply.
type notes struct {
	mutex sync.Mutex
	list  []string
}

func (n *notes) add(text string) (interface{}, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.list = append(n.list, text)
	return nil, nil
}

// take gives and forgets the notes: {"notes": [...]}.
func (n *notes) take() (map[string]interface{}, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	list := append([]string{}, n.list...) // never null in JSON
	n.list = nil
	return map[string]interface{}{"notes": list}, nil
}

// setMetadata publishes at once. The map is replaced, not changed, for mqant reads it without a lock (W-11).
func (s *service) setMetadata(key, value string) (interface{}, error) {
	changed := maps.Clone(s.GetServer().Options().Metadata)
	changed[key] = value
	if err := s.GetServer().Init(server.Metadata(changed)); err != nil {
		return nil, err
	}
	return nil, s.GetServer().ServiceRegister()
}

// relay calls fn of target with one argument and gives its result or error: Go as a caller from within a handler.
func (s *service) relay(target, fn string, arg interface{}) (interface{}, string) {
	session, err := s.peer.Route(target)
	if err != nil {
		return nil, err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return session.Call(ctx, fn, arg)
}

// hdSession does with a session all that a backend can, and tells what it saw and what failed.
func hdSession(session gate.Session, body map[string]interface{}) (map[string]interface{}, error) {
	user := fmt.Sprint(body["user"])
	said := map[string]interface{}{"network": session.GetNetwork(), "guest": session.IsGuest(), "server": session.GetServerID()}
	failed := map[string]interface{}{}
	step := func(name, err string) {
		if err != "" {
			failed[name] = err
		}
	}
	step("Bind", session.Bind(user))
	said["user"] = session.GetUserID()
	step("Set", session.Set("level", "3"))
	step("SetBatch", session.SetBatch(map[string]string{"a": "1", "b": "2"}))
	step("Push", session.Push())
	step("Remove", session.Remove("a"))
	step("Update", session.Update())
	said["settings"] = session.CloneSettings()
	connected, err := session.IsConnect(user)
	step("IsConnect", err)
	said["connected"] = connected
	step("Send", session.Send("go/push", []byte("pushed")))
	step("SendNR", session.SendNR("go/pushNR", []byte("pushed too")))
	count, err := session.SendBatch(session.GetSessionID()+",0000000000000000", "go/batch", []byte("batched"))
	step("SendBatch", err)
	said["count"] = count
	step("UnBind", session.UnBind())
	said["after"] = session.GetUserID()
	said["failed"] = failed
	return said, nil
}
