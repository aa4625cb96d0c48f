package interop

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"anthill.test/interop/internal/tagged"
	rpcpb "github.com/liangdas/mqant/rpc/pb"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
)

var update = flag.Bool("update", false, "write ../vectors from what the real peers send")

// vector is one NATS message as Go sent it, and what is in it.
type vector struct {
	Name    string   `json:"name"`
	Hex     string   `json:"hex"`
	Decoded *decoded `json:"decoded"`
}

// decoded is a request (kind "request": rpcpb.RPCInfo) or a reply (kind "reply": rpcpb.ResultInfo). All of a kind's
// scalar fields are there, empty or not.
type decoded struct {
	Kind string `json:"kind"`
	Cid  string `json:"cid"`

	Fn       *string    `json:"fn,omitempty"`
	ReplyTo  *string    `json:"replyTo,omitempty"`
	Track    *string    `json:"track,omitempty"`
	Expired  *string    `json:"expired,omitempty"` // decimal: int64
	Reply    *bool      `json:"reply,omitempty"`
	Args     *[]payload `json:"args,omitempty"`
	Caller   *string    `json:"caller,omitempty"`
	Hostname *string    `json:"hostname,omitempty"`

	Error  *string  `json:"error,omitempty"`
	Result *payload `json:"result,omitempty"`
}

// payload is one value: its label, its bytes, and the value in the form of package tagged where mqant can decode it.
type payload struct {
	Type  string        `json:"type"`
	Hex   string        `json:"hex"`
	Value *tagged.Value `json:"value,omitempty"`
}

func payloadOf(label string, data []byte) payload {
	p := payload{Type: label, Hex: hex.EncodeToString(data)}
	if value, err := tagged.FromWire(label, data); err == nil {
		p.Value = &value
	}
	return p
}

func requestVector(t *testing.T, name string, data []byte) vector {
	t.Helper()
	info := new(rpcpb.RPCInfo)
	if err := proto.Unmarshal(data, info); err != nil || info.Fn == "" {
		t.Fatalf("%s: not a request: %x (%v)", name, data, err)
	}
	expired := strconv.FormatInt(info.Expired, 10)
	args := []payload{}
	for i, label := range info.ArgsType {
		args = append(args, payloadOf(label, info.Args[i]))
	}
	d := &decoded{
		Kind: "request", Cid: info.Cid, Fn: &info.Fn, ReplyTo: &info.ReplyTo, Track: &info.Track, Expired: &expired,
		Reply: &info.Reply, Args: &args, Caller: &info.Caller, Hostname: &info.Hostname,
	}
	return vector{Name: "request/" + name, Hex: hex.EncodeToString(data), Decoded: d}
}

func replyVector(t *testing.T, name string, data []byte) vector {
	t.Helper()
	info := new(rpcpb.ResultInfo)
	if err := proto.Unmarshal(data, info); err != nil || info.ResultType == "" {
		t.Fatalf("%s: not a reply: %x (%v)", name, data, err)
	}
	result := payloadOf(info.ResultType, info.Result)
	d := &decoded{Kind: "reply", Cid: info.Cid, Error: &info.Error, Result: &result}
	return vector{Name: "reply/" + name, Hex: hex.EncodeToString(data), Decoded: d}
}

// ear hears every message on a NATS server.
type ear struct{ subscription *nats.Subscription }

func listen(t *testing.T, url string) ear {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	subscription, err := conn.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return ear{subscription}
}

func (e ear) next(t *testing.T) []byte {
	t.Helper()
	message, err := e.subscription.NextMsg(5 * time.Second)
	if err != nil {
		t.Fatalf("nothing on NATS: %v", err)
	}
	return message.Data
}

func vectorFile(name string) string { return filepath.Join("..", "vectors", name) }

func writeVectors(t *testing.T, name string, content any) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile(name), text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(vectorFile(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// compareVectors holds what was just heard against the file, volatile fields aside; with -update it writes the file.
func compareVectors(t *testing.T, seen []vector) {
	t.Helper()
	if *update {
		writeVectors(t, "mqant.json", seen)
		return
	}
	var stored []vector
	readVectors(t, "mqant.json", &stored)
	if len(stored) != len(seen) {
		t.Fatalf("%d vectors stored, %d heard: go test -update", len(stored), len(seen))
	}
	for i := range seen {
		heard, kept := stable(t, seen[i]), stable(t, stored[i])
		if !reflect.DeepEqual(heard, kept) {
			t.Errorf("%s:\nheard  %v\nstored %v", seen[i].Name, heard, kept)
		}
	}
}

// stable is a vector without its bytes and without what differs from run to run.
func stable(t *testing.T, v vector) map[string]any {
	t.Helper()
	text, err := json.Marshal(v.Decoded)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	_ = json.Unmarshal(text, &fields)
	for _, name := range []string{"cid", "replyTo", "expired", "caller", "hostname"} {
		delete(fields, name)
	}
	if message, ok := fields["error"].(string); ok {
		fields["error"], _, _ = strings.Cut(message, "----Stack----")
	}
	if result, ok := fields["result"].(map[string]any); ok && (result["type"] == "trace" || result["type"] == "SESSION") {
		delete(result, "hex")
		value := result["value"].(map[string]any)["v"].(map[string]any)
		delete(value, "Span")
		delete(value, "SpanId")
	}
	fields["name"] = v.Name
	return fields
}

// TestVectors needs no server: the stored bytes are what the stored fields say, and Go's own encoder gives them again.
func TestVectors(t *testing.T) {
	var stored []vector
	readVectors(t, "mqant.json", &stored)
	if len(stored) < 100 {
		t.Fatalf("only %d vectors", len(stored))
	}
	for _, v := range stored {
		data, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		kind, name, _ := strings.Cut(v.Name, "/")
		var again vector
		var message proto.Message
		if kind == "request" {
			again, message = requestVector(t, name, data), new(rpcpb.RPCInfo)
		} else {
			again, message = replyVector(t, name, data), new(rpcpb.ResultInfo)
		}
		said, _ := json.Marshal(v.Decoded)
		is, _ := json.Marshal(again.Decoded)
		if !sameJSON(said, is) {
			t.Errorf("%s: file says %s, bytes say %s", v.Name, said, is)
		}
		_ = proto.Unmarshal(data, message)
		if encoded, _ := proto.Marshal(message); !bytes.Equal(encoded, data) {
			t.Errorf("%s: Go encodes it as %x", v.Name, encoded)
		}
	}
}
