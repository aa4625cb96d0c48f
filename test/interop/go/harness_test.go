package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// servers are a NATS server and a Consul agent of this test alone, on free ports.
type servers struct{ nats, consul string }

// startServers skips the test when a server program is missing, and fails it then under CI=true.
func startServers(t *testing.T) servers {
	t.Helper()
	natsProgram, consulProgram := findProgram(t, "nats-server"), findProgram(t, "consul")
	ports := freePorts(t, 4)
	natsAddress := fmt.Sprintf("127.0.0.1:%d", ports[0])
	consulAddress := fmt.Sprintf("127.0.0.1:%d", ports[1])
	spawn(t, natsProgram, "-a", "127.0.0.1", "-p", fmt.Sprint(ports[0]))
	spawn(t, consulProgram, "agent", "-dev", "-node", "anthill-test", "-bind", "127.0.0.1", "-client", "127.0.0.1",
		"-http-port", fmt.Sprint(ports[1]), "-server-port", fmt.Sprint(ports[2]), "-serf-lan-port", fmt.Sprint(ports[3]),
		"-serf-wan-port", "-1", "-dns-port", "-1", "-grpc-port", "-1", "-log-level", "err")
	eventually(t, "NATS listens", func() bool {
		conn, err := net.Dial("tcp", natsAddress)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	eventually(t, "Consul has a leader and its own node", func() bool {
		return strings.Contains(string(get("http://"+consulAddress+"/v1/catalog/nodes")), "anthill-test")
	})
	return servers{nats: "nats://" + natsAddress, consul: consulAddress}
}

func findProgram(t *testing.T, name string) string {
	t.Helper()
	fetched, _ := filepath.Abs(filepath.Join("..", "..", "..", ".services", "bin", name))
	for _, candidate := range []string{name, fetched} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	message := fmt.Sprintf("no %s, neither on PATH nor in .services/bin: npm run test:services fetches it", name)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // all are held until all are chosen
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports
}

func spawn(t *testing.T, program string, args ...string) {
	t.Helper()
	command := exec.Command(program, args...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
}

// buildPeers compiles both programs; -trimpath keeps the paths of this machine out of the stacks that mqant sends.
func buildPeers(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", dir, "./cmd/...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// process is a running peer: lines of JSON in, lines of JSON out.
type process struct {
	t       *testing.T
	name    string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	ready   map[string]any
}

func startPeer(t *testing.T, program string, args ...string) *process {
	t.Helper()
	command := exec.Command(program, args...)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: filepath.Base(program), command: command, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(nil, 16<<20)
	t.Cleanup(func() { _ = command.Process.Kill() })
	p.read(&p.ready)
	if p.ready["ready"] != true {
		t.Fatalf("%s: first line %v, want ready", p.name, p.ready)
	}
	return p
}

func (p *process) read(into any) {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("%s ended: %v", p.name, p.out.Err())
	}
	if err := json.Unmarshal(p.out.Bytes(), into); err != nil {
		p.t.Fatalf("%s printed %q: %v", p.name, p.out.Text(), err)
	}
}

func (p *process) send(line any) {
	p.t.Helper()
	text, err := json.Marshal(line)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// end waits for a clean exit after what() asked for it.
func (p *process) end(what func()) {
	p.t.Helper()
	what()
	for p.out.Scan() {
		p.t.Errorf("%s printed at its end: %s", p.name, p.out.Text())
	}
	if err := p.command.Wait(); err != nil {
		p.t.Errorf("%s: %v, want exit status 0", p.name, err)
	}
}

func (p *process) closeStdin() { _ = p.in.Close() }
func (p *process) terminate()  { _ = p.command.Process.Signal(syscall.SIGTERM) }

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited 20 s in vain until: %s", what)
}

func get(url string) []byte {
	response, err := http.Get(url)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return body
}
