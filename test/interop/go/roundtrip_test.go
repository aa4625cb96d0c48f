package interop

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"anthill.test/interop/internal/tagged"
)

// reply is what the caller prints.
type reply struct {
	ID      int64         `json:"id"`
	Result  *tagged.Value `json:"result"`
	Servers []struct {
		ID, Address, Version string
		Metadata             map[string]string
	} `json:"servers"`
	Error string `json:"error"`
	Ms    int64  `json:"ms"`
}

type ask map[string]any

func (p *process) ask(line ask) reply {
	p.t.Helper()
	p.send(line)
	var got reply
	p.read(&got)
	return got
}

func (c wireCase) ask() ask {
	op := c.op
	if op == "" {
		op = "call"
	}
	args := c.args
	if args == nil {
		args = []tagged.Value{}
	}
	// caller: so that the recorded bytes do not bear the name of some machine.
	return ask{"op": op, "target": "gosvc", "fn": c.fn, "args": args, "as": c.as, "timeoutMs": 5000, "caller": "go-caller"}
}

func (c wireCase) check(t *testing.T, got reply) {
	t.Helper()
	if start, cut := strings.CutSuffix(c.err, "…"); cut {
		if !strings.HasPrefix(got.Error, start) {
			t.Errorf("error %q, want it to start with %q", got.Error, start)
		}
	} else if got.Error != c.err {
		t.Errorf("error %q, want %q", got.Error, c.err)
	}
	want := c.want
	if want == "" {
		want = both("null", "")
	}
	if got.Result == nil {
		t.Fatalf("no result, want %s", want)
	}
	result, _ := json.Marshal(settle(*got.Result))
	var wanted tagged.Value
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatalf("case %s: want is not JSON: %v", c.name, err)
	}
	expected, _ := json.Marshal(settle(wanted))
	if !sameJSON(result, expected) {
		t.Errorf("result %s, want %s", result, expected)
	}
}

// settle takes away what no receiver keeps: span ids are made anew, and the topic of a session is forgotten (W-60).
func settle(value tagged.Value) tagged.Value {
	if value.T != "trace" && value.T != "session" {
		return value
	}
	var fields map[string]any
	_ = json.Unmarshal(value.V, &fields)
	delete(fields, "Span")
	delete(fields, "SpanId")
	delete(fields, "Topic")
	value.V, _ = json.Marshal(fields)
	return value
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// TestWire calls a real mqant node from a real mqant App, with every type, and compares what crosses NATS with the
// vectors; with -update it writes them.
func TestWire(t *testing.T) {
	run := startServers(t)
	bin := buildPeers(t)
	at := []string{"-nats", run.nats, "-consul", run.consul}
	service := startPeer(t, filepath.Join(bin, "mqant-service"), append(at, "-id", "one", "-meta", "state=alive")...)
	caller := startPeer(t, filepath.Join(bin, "mqant-caller"), at...)
	tap := listen(t, run.nats)
	var seen []vector
	for _, c := range wireCases {
		t.Run(c.name, func(t *testing.T) {
			got := caller.ask(c.ask())
			shown, _ := json.Marshal(got)
			t.Logf("%s %s → %s", c.fn, show(c.args), shown)
			c.check(t, got)
			request, response := tap.next(t), tap.next(t)
			if c.record {
				seen = append(seen, requestVector(t, c.name, request), replyVector(t, c.name, response))
			}
		})
	}
	t.Run("notify", func(t *testing.T) {
		caller.ask(ask{"op": "callNR", "target": "gosvc", "fn": "/note", "args": []tagged.Value{arg("string", `"mqant"`)}})
		seen = append(seen, requestVector(t, "notify", tap.next(t)))
	})
	if !t.Failed() {
		compareVectors(t, seen)
	}
	caller.end(caller.closeStdin)
	service.end(service.terminate)
}

func show(args []tagged.Value) string {
	text, _ := json.Marshal(args)
	return string(text)
}

// TestCalls covers what is not a matter of types: notify, timeouts, Register and RegisterGO, discovery.
func TestCalls(t *testing.T) {
	run := startServers(t)
	bin := buildPeers(t)
	at := []string{"-nats", run.nats, "-consul", run.consul}
	program := filepath.Join(bin, "mqant-service")
	one := startPeer(t, program, append(at, "-id", "one", "-meta", "state=alive", "-meta", "zone=a")...)
	two := startPeer(t, program, append(at, "-id", "two", "-meta", "state=forbidden", "-version", "2.0.0")...)
	caller := startPeer(t, filepath.Join(bin, "mqant-caller"), at...)
	call := func(target, fn string, args ...tagged.Value) ask {
		return ask{"op": "call", "target": target, "fn": fn, "args": append([]tagged.Value{}, args...), "timeoutMs": 5000}
	}
	expect := func(t *testing.T, got reply, want, text string) {
		t.Helper()
		wireCase{want: want, err: text}.check(t, got)
	}

	t.Run("ready line names the node and its subject", func(t *testing.T) {
		if one.ready["id"] != "gosvc@one" || !strings.HasPrefix(one.ready["address"].(string), "_INBOX.") {
			t.Errorf("ready line %v", one.ready)
		}
	})
	t.Run("servers lists both nodes with version and metadata", func(t *testing.T) {
		got := caller.ask(ask{"op": "servers", "target": "gosvc"})
		found := map[string]string{}
		for _, n := range got.Servers {
			found[n.ID] = n.Version + " " + n.Metadata["state"] + " " + n.Metadata["server"] + " " + n.Metadata["registry"]
		}
		want := map[string]string{"gosvc@one": "1.0.0 alive rpc consul", "gosvc@two": "2.0.0 forbidden rpc consul"}
		if !reflect.DeepEqual(found, want) {
			t.Errorf("nodes %v, want %v", found, want)
		}
	})
	t.Run("a node id is its own target", func(t *testing.T) {
		for range 5 {
			expect(t, caller.ask(call("gosvc@two", "/whoami")), both("string", `"gosvc@two"`), "")
		}
	})
	t.Run("a node or service that is not there", func(t *testing.T) {
		expect(t, caller.ask(call("gosvc@three", "/whoami")), "", "nofound gosvc@three")
		expect(t, caller.ask(call("nosuch", "/whoami")), "", "none available")
	})
	t.Run("filters by label and by version", func(t *testing.T) {
		for range 10 {
			alive := call("gosvc", "/whoami")
			alive["filter"] = map[string]any{"label": []string{"state", "alive"}}
			expect(t, caller.ask(alive), both("string", `"gosvc@one"`), "")
			second := call("gosvc", "/whoami")
			second["filter"] = map[string]any{"version": "2.0.0"}
			expect(t, caller.ask(second), both("string", `"gosvc@two"`), "")
		}
		none := call("gosvc", "/whoami")
		none["filter"] = map[string]any{"version": "3.0.0"}
		expect(t, caller.ask(none), "", "none available")
	})
	t.Run("metadata changed at run time reaches callers", func(t *testing.T) {
		expect(t, caller.ask(call("gosvc@two", "/metadata/set", arg("string", `"state"`), arg("string", `"alive"`))), "", "")
		eventually(t, "gosvc@two is alive for the caller", func() bool {
			for _, n := range caller.ask(ask{"op": "servers", "target": "gosvc"}).Servers {
				if n.ID == "gosvc@two" {
					return n.Metadata["state"] == "alive"
				}
			}
			return false
		})
	})
	t.Run("calls without reply arrive", func(t *testing.T) {
		for _, note := range []string{`"a"`, `"b"`} {
			got := caller.ask(ask{"op": "callNR", "target": "gosvc@one", "fn": "/note", "args": []tagged.Value{arg("string", note)}})
			if got.Error != "" || got.Result != nil {
				t.Errorf("callNR gave %+v", got)
			}
		}
		var notes []string
		eventually(t, "both notes arrived", func() bool {
			var taken struct{ Notes []string }
			_ = json.Unmarshal(caller.ask(call("gosvc@one", "/notes")).Result.V, &taken)
			notes = append(notes, taken.Notes...)
			return len(notes) == 2
		})
	})
	t.Run("a timeout is the caller's", func(t *testing.T) {
		slow := call("gosvc@one", "/sleep", arg("long", `"1000"`))
		slow["timeoutMs"] = 100
		expect(t, caller.ask(slow), "", "deadline exceeded")
	})
	t.Run("an error that is not UTF-8 is never sent", func(t *testing.T) {
		mute := call("gosvc@one", "/fail/utf8")
		mute["timeoutMs"] = 300
		expect(t, caller.ask(mute), "", "deadline exceeded")
	})
	t.Run("Register is serial, RegisterGO is not", func(t *testing.T) {
		most := func(fn string) string {
			for range 4 {
				caller.send(call("gosvc@one", fn, arg("long", `"100"`)))
			}
			highest := ""
			for range 4 {
				var got reply
				caller.read(&got)
				highest = max(highest, string(got.Result.V))
			}
			return highest
		}
		if got := most("/serial"); got != `"1"` {
			t.Errorf("/serial ran %s at once, want 1", got)
		}
		if got := most("/parallel"); got < `"2"` {
			t.Errorf("/parallel ran %s at once, want 2 or more", got)
		}
	})
	t.Run("a node calls another from within a handler", func(t *testing.T) {
		got := caller.ask(call("gosvc@one", "/relay", arg("string", `"gosvc@two"`), arg("string", `"/describe"`), arg("int", `5`)))
		expect(t, got, both("string", `"int32:5"`), "")
	})
	t.Run("a node that leaves is deregistered", func(t *testing.T) {
		two.end(two.closeStdin)
		if left := string(get("http://" + run.consul + "/v1/agent/services")); strings.Contains(left, "gosvc@two") || !strings.Contains(left, "gosvc@one") {
			t.Errorf("Consul still has: %s", left)
		}
	})
	caller.end(caller.terminate)
	one.end(one.terminate)
}
