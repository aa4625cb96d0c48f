package interop

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// consulRecord is what a real mqant node tells Consul, and what Consul then tells others.
type consulRecord struct {
	Puts          []put           `json:"puts"` // in order, from start to stop
	AgentServices json.RawMessage `json:"agentServices"`
	AgentChecks   json.RawMessage `json:"agentChecks"`
	HealthService json.RawMessage `json:"healthService"`
	Decoded       nodeRecord      `json:"decoded"`
}

type put struct {
	Path string          `json:"path"`
	Body json.RawMessage `json:"body,omitempty"`
}

type nodeRecord struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Address  string            `json:"address"`
	Metadata map[string]string `json:"metadata"`
}

// TestConsulRecord holds the registration of a mqant node against the file; with -update it writes the file.
func TestConsulRecord(t *testing.T) {
	run := startServers(t)
	bin := buildPeers(t)
	proxy := &putRecorder{}
	address := proxy.start(t, run.consul)
	service := startPeer(t, filepath.Join(bin, "mqant-service"), "-nats", run.nats, "-consul", address,
		"-id", "one", "-meta", "state=alive", "-meta", "weight=100", "-version", "1.2.3")
	record := consulRecord{
		AgentServices: get("http://" + run.consul + "/v1/agent/services"),
		AgentChecks:   get("http://" + run.consul + "/v1/agent/checks"),
		HealthService: get("http://" + run.consul + "/v1/health/service/gosvc"),
	}
	record.Decoded = decodeRecord(t, record.HealthService)
	if record.Decoded.ID != service.ready["id"] || record.Decoded.Address != service.ready["address"] {
		t.Errorf("Consul has %+v, the node says %v", record.Decoded, service.ready)
	}
	service.end(service.terminate)
	record.Puts = proxy.taken()
	if *update {
		writeVectors(t, "consul-record.json", record)
		return
	}
	var stored consulRecord
	readVectors(t, "consul-record.json", &stored)
	if got, want := decodeRecord(t, stored.HealthService), stored.Decoded; !reflect.DeepEqual(got, want) {
		t.Errorf("the file's record is %+v, it says %+v", got, want)
	}
	for _, r := range []*nodeRecord{&record.Decoded, &stored.Decoded} {
		r.Address, r.Metadata["hostname"], r.Metadata["pid"] = "", "", ""
	}
	if !reflect.DeepEqual(record.Decoded, stored.Decoded) {
		t.Errorf("registered %+v, stored %+v", record.Decoded, stored.Decoded)
	}
	if got, want := checkOf(t, record.Puts[0]), checkOf(t, stored.Puts[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("check %v, stored %v", got, want)
	}
	if last := record.Puts[len(record.Puts)-1].Path; last != "/v1/agent/service/deregister/gosvc@one" {
		t.Errorf("the last PUT is %s", last)
	}
}

func decodeRecord(t *testing.T, health json.RawMessage) nodeRecord {
	t.Helper()
	var entries []struct {
		Service struct {
			ID, Service, Address string
			Tags                 []string
		}
	}
	if err := json.Unmarshal(health, &entries); err != nil || len(entries) != 1 {
		t.Fatalf("want one healthy entry: %s (%v)", health, err)
	}
	s := entries[0].Service
	record := nodeRecord{ID: s.ID, Name: s.Service, Address: s.Address, Metadata: map[string]string{}}
	for _, tag := range s.Tags {
		text := inflate(t, tag[2:])
		if strings.HasPrefix(tag, "v-") {
			record.Version = text
		} else if err := json.Unmarshal([]byte(text), &record.Metadata); err != nil {
			t.Fatalf("tag %s holds %q: %v", tag, text, err)
		}
	}
	return record
}

func inflate(t *testing.T, encoded string) string {
	t.Helper()
	packed, err := hex.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func checkOf(t *testing.T, register put) map[string]any {
	t.Helper()
	var body struct{ Check map[string]any }
	if err := json.Unmarshal(register.Body, &body); err != nil {
		t.Fatalf("%s: %v", register.Path, err)
	}
	return body.Check
}

// putRecorder stands between a node and Consul and keeps what the node writes.
type putRecorder struct {
	mutex sync.Mutex
	puts  []put
}

func (r *putRecorder) start(t *testing.T, consul string) string {
	t.Helper()
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: consul})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPut {
			body, _ := io.ReadAll(request.Body)
			request.Body = io.NopCloser(bytes.NewReader(body))
			r.keep(request.URL.RequestURI(), body)
		}
		forward.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func (r *putRecorder) keep(path string, body []byte) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	one := put{Path: path}
	if json.Valid(body) {
		one.Body = body
	}
	r.puts = append(r.puts, one)
}

func (r *putRecorder) taken() []put {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]put{}, r.puts...)
}
