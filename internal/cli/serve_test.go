package cli_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
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

	"github.com/eventrig/eventrig/internal/cli"
)

// asEventrig makes this test's binary run the command line, as a process that signals can be sent to.
const asEventrig = "EVENTRIG_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asEventrig) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// program is a running `eventrig serve`.
type program struct {
	command *exec.Cmd
	url     string
	stderr  bytes.Buffer
}

func serve(t *testing.T, arguments ...string) *program {
	t.Helper()
	p := &program{command: exec.Command(os.Args[0], append([]string{"serve"}, arguments...)...)}
	p.command.Env = append(os.Environ(), asEventrig+"=1")
	p.command.Stderr = &p.stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.command.Process.Kill() }) // most have ended before
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("no first line: %v\n%s", err, p.stderr.String())
	}
	p.url = strings.TrimSuffix(strings.TrimSpace(line), "/v3") // a clouds.yaml wants Keystone's own address
	return p
}

func (p *program) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// inFlight sends a request that a fault holds back for so long, and returns once the simulator has it.
func (p *program) inFlight(t *testing.T, seconds string) <-chan error {
	t.Helper()
	response, err := http.Post(p.url+"/_eventrig/faults", "application/json", strings.NewReader(`{"path": "/slow", "status": 204, "delaySeconds": `+seconds+`}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	done := make(chan error, 1)
	go func() {
		response, err := http.Get(p.url + "/slow")
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusNoContent {
				err = errors.New(response.Status)
			}
		}
		done <- err
	}()
	until(t, func() bool {
		response, err := http.Get(p.url + "/_eventrig/journal")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var journal struct{ Open int }
		if err := json.NewDecoder(response.Body).Decode(&journal); err != nil {
			t.Fatal(err)
		}
		return journal.Open == 1
	})
	return done
}

// until polls a condition of another process.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.After(20 * time.Second); !condition(); {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal("it did not happen within 20 s")
		}
	}
}

func TestServeFinishesRequestsInFlight(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		for _, simulator := range []string{"nautobot", "openstack", "ontap", "undersync"} {
			p := serve(t, simulator, "--tls=false")
			done := p.inFlight(t, "0.3")
			p.signal(t, signal)
			if err := <-done; err != nil {
				t.Errorf("%s: after %s the request in flight got %v", simulator, signal, err)
			}
			if err := p.command.Wait(); err != nil { // exit status 0 is no error
				t.Errorf("%s: after %s it ended with %v\n%s", simulator, signal, err, p.stderr.String())
			}
		}
	}
}

func TestServeIsInterruptedWithAnAnswerOutstanding(t *testing.T) {
	t.Parallel()
	p := serve(t, "undersync")
	done := p.inFlight(t, "600")
	p.signal(t, syscall.SIGTERM)
	err := p.command.Wait()
	if <-done == nil {
		t.Error("the request in flight got an answer")
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 || !strings.Contains(p.stderr.String(), "requests were still unanswered after 5s") {
		t.Errorf("it ended with %v\n%s", err, p.stderr.String())
	}
}

func TestServeEndsAtOnceOnASecondSignal(t *testing.T) {
	p := serve(t, "undersync")
	done := p.inFlight(t, "60")
	p.signal(t, os.Interrupt)
	// The first one closes the listener.
	until(t, func() bool {
		connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	p.signal(t, os.Interrupt)
	if err := <-done; err == nil {
		t.Error("the request in flight got an answer")
	}
	err := p.command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("it ended with %v", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, want by the signal", err)
	}
}

// What keeps a simulator from being served: the exit status and the words.
func TestServeRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	world := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(world, []byte("nautobot:\n  tenancy/tenants:\n    - {nme: x}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		status    int
		want      []string
	}{
		{[]string{"nautobot", "--listen", taken.Addr().String()}, 3, []string{"address already in use", "127.0.0.1:0 takes a free port"}},
		{[]string{"nautobot", "--listen", "nonsense"}, 2, []string{"--listen", "want HOST:PORT"}},
		{[]string{"nautobot", "--listen", "127.0.0.1:http"}, 2, []string{`port "http"`}},
		{[]string{"nautobot", "--world", world}, 2, []string{world + ":3:", `no field "nme"`, "nearest is name"}},
		{[]string{"nautobot", "--world", world + ".none.yaml"}, 2, []string{"no such file", "one-domain"}},
		{[]string{"nautobot", "--world", "one-domian"}, 2, []string{`no world is named "one-domian"`, "one-domain"}},
		{[]string{"openstack", "-o", "yaml"}, 2, []string{`unknown output "yaml"`, "text or json"}},
		{[]string{"openstack", "--journal", "0"}, 2, []string{"--journal is 0"}},
		{[]string{"openstack", "--ca-file", "x"}, 2, []string{"add --tls"}},
		{[]string{"undersync", "--tls", "--ca-file", "/nonexistent/ca.pem"}, 2, []string{"write certificate"}},
	} {
		var stdout, stderr bytes.Buffer
		status := cli.Main(append([]string{"serve"}, test.arguments...), &stdout, &stderr)
		for _, want := range test.want {
			if status != test.status || !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
				t.Errorf("%v: exit status %d, want %d with %q; stdout %q, stderr\n%s", test.arguments, status, test.status, want, stdout.String(), stderr.String())
			}
		}
	}
}

func TestServeTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	p := serve(t, "undersync", "--listen", "localhost:0", "--tls", "--ca-file", file, "-o", "json")
	var announced struct{ URL, Token, CA string }
	if err := json.Unmarshal([]byte(p.url), &announced); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(file)
	if err != nil || string(pem) != announced.CA || !strings.HasPrefix(announced.URL, "https://localhost:") {
		t.Errorf("announced %+v, the file holds %q, %v", announced, pem, err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	request, err := http.NewRequest(http.MethodPost, announced.URL+"/v1/vlan-group/x/sync", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+announced.Token)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s %s %v", response.Status, body, err)
	}
	p.signal(t, syscall.SIGTERM)
	if err := p.command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
