package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"anthill.test/interop/internal/peer"
	"anthill.test/interop/internal/tagged"
	"github.com/liangdas/mqant/module"
	"github.com/liangdas/mqant/selector"
)

// request is one line of stdin.
type request struct {
	ID        int64          `json:"id"`
	Op        string         `json:"op"` // call, callNR, callArgs, callNRArgs, servers
	Target    string         `json:"target"`
	Fn        string         `json:"fn"`
	Args      []tagged.Value `json:"args"`
	TimeoutMs int64          `json:"timeoutMs"` // 0: no context, so mqant's RPCExpired
	Filter    filter         `json:"filter"`
	Caller    string         `json:"caller"` // sent as caller and hostname; default the host's name
	As        string         `json:"as"`     // decode the reply with mqant's helper of this name
}

type filter struct {
	Label   []string `json:"label"` // [key, value]
	Version string   `json:"version"`
}

// answer is one line of stdout.
type answer struct {
	ID      int64         `json:"id"`
	Result  *tagged.Value `json:"result,omitempty"`
	Servers any           `json:"servers,omitempty"` // []node, also when empty
	Error   string        `json:"error"`             // mqant's text; "caller: …" when the request itself was wrong
	Ms      int64         `json:"ms"`
}

type node struct {
	ID       string            `json:"id"`
	Address  string            `json:"address"`
	Version  string            `json:"version"`
	Metadata map[string]string `json:"metadata"`
}

type caller struct {
	app  module.App
	peer *peer.Peer
}

func (c *caller) handle(ask request) (reply answer) {
	start := time.Now()
	defer func() {
		reply.ID, reply.Ms = ask.ID, time.Since(start).Milliseconds()
		if r := recover(); r != nil {
			reply.Error = fmt.Sprintf("caller: panic: %v", r)
		}
	}()
	switch ask.Op {
	case "call", "callArgs":
		result, text := c.call(ask)
		value, err := tagged.FromGo(result)
		if err != nil {
			return answer{Error: "caller: " + err.Error()}
		}
		return answer{Result: &value, Error: text}
	case "callNR", "callNRArgs":
		if err := c.notify(ask); err != nil {
			return answer{Error: err.Error()}
		}
		return answer{}
	case "servers":
		return answer{Servers: c.servers(ask.Target)}
	}
	return answer{Error: fmt.Sprintf("caller: no op %q", ask.Op)}
}

// call is App.Call in its two halves, route and call, for what peer.Route does in between.
func (c *caller) call(ask request) (any, string) {
	session, err := c.route(ask)
	if err != nil {
		return nil, err.Error()
	}
	ctx, cancel := context.Context(nil), func() {}
	if ask.TimeoutMs > 0 || ask.Caller != "" {
		ctx, cancel = c.context(ask)
	}
	defer cancel()
	if ask.Op == "callArgs" {
		labels, raw, err := encoded(ask.Args)
		if err != nil {
			return nil, "caller: " + err.Error()
		}
		return decodeAs(ask.As, func() (any, string) { return session.CallArgs(ctx, ask.Fn, labels, raw) })
	}
	params, err := c.values(ask.Args)
	if err != nil {
		return nil, "caller: " + err.Error()
	}
	return decodeAs(ask.As, func() (any, string) { return session.Call(ctx, ask.Fn, params...) })
}

func (c *caller) notify(ask request) error {
	session, err := c.route(ask)
	if err != nil {
		return err
	}
	if ask.Op == "callNRArgs" {
		labels, raw, err := encoded(ask.Args)
		if err != nil {
			return fmt.Errorf("caller: %w", err)
		}
		return session.CallNRArgs(ask.Fn, labels, raw)
	}
	params, err := c.values(ask.Args)
	if err != nil {
		return fmt.Errorf("caller: %w", err)
	}
	return session.CallNR(ask.Fn, params...)
}

func (c *caller) route(ask request) (module.ServerSession, error) {
	var options []selector.SelectOption
	if len(ask.Filter.Label) == 2 {
		options = append(options, selector.WithFilter(selector.FilterLabel(ask.Filter.Label[0], ask.Filter.Label[1])))
	}
	if ask.Filter.Version != "" {
		options = append(options, selector.WithFilter(selector.FilterVersion(ask.Filter.Version)))
	}
	return c.peer.Route(ask.Target, options...)
}

func (c *caller) context(ask request) (context.Context, context.CancelFunc) {
	ctx := context.Background()
	if ask.Caller != "" {
		ctx = context.WithValue(ctx, "caller", ask.Caller) //nolint: mqant's key is this string
	}
	timeout := time.Duration(ask.TimeoutMs) * time.Millisecond
	if timeout == 0 {
		timeout = c.app.Options().RPCExpired
	}
	return context.WithTimeout(ctx, timeout)
}

func (c *caller) servers(kind string) []node {
	versions := map[string]string{}
	if services, err := c.app.Options().Selector.GetService(kind); err == nil {
		for _, service := range services {
			for _, n := range service.Nodes {
				versions[n.Id] = service.Version
			}
		}
	}
	nodes := []node{}
	for _, session := range c.app.GetServersByType(kind) {
		n := session.GetNode()
		nodes = append(nodes, node{ID: n.Id, Address: n.Address, Version: versions[n.Id], Metadata: n.Metadata})
	}
	return nodes
}

func (c *caller) values(args []tagged.Value) ([]any, error) {
	params := make([]any, len(args))
	for i, arg := range args {
		value, err := tagged.ToGo(c.app, arg)
		if err != nil {
			return nil, fmt.Errorf("args[%d]: %w", i, err)
		}
		params[i] = value
	}
	return params, nil
}

// encoded reads arguments that are on the wire already: t is the label, v the bytes in base64.
func encoded(args []tagged.Value) ([]string, [][]byte, error) {
	labels, raw := make([]string, len(args)), make([][]byte, len(args))
	for i, arg := range args {
		labels[i] = arg.T
		if len(arg.V) == 0 {
			continue
		}
		if err := json.Unmarshal(arg.V, &raw[i]); err != nil {
			return nil, nil, fmt.Errorf("args[%d]: %w", i, err)
		}
	}
	return labels, raw, nil
}
