package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/cli/serve"
	"github.com/eventrig/eventrig/internal/failure"
)

// The address is printed once the simulator accepts, and a signal (here the context) ends it without an error.
func TestServeUntilStopped(t *testing.T) {
	for _, name := range []string{"nautobot", "openstack", "ontap", "undersync"} {
		ctx, stop := context.WithCancel(t.Context())
		reader, writer := io.Pipe()
		command := serve.New()
		command.SetArgs([]string{name, "--world", "one-domain", "-o", "json", "--tls=false"})
		command.SetOut(writer)
		ended := make(chan error, 1)
		go func() { ended <- command.ExecuteContext(ctx) }()
		line, err := bufio.NewReader(reader).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var announced struct{ URL, Token, CloudsYAML string }
		if err := json.Unmarshal([]byte(line), &announced); err != nil {
			t.Fatal(err)
		}
		if (announced.Token != "") != (name == "nautobot" || name == "undersync") || (announced.CloudsYAML != "") != (name == "openstack") {
			t.Errorf("%s announced %s", name, line)
		}
		response, err := http.Get(strings.TrimSuffix(announced.URL, "/v3") + "/_eventrig/state")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || (name != "undersync" && name != "ontap" && !strings.Contains(string(body), "eng")) {
			t.Errorf("state of %s: %.200s %v", name, body, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	}
}

func TestUnknownWorldIsBadInput(t *testing.T) {
	command := serve.New()
	command.SetArgs([]string{"nautobot", "--world", "nowhere"})
	command.SilenceErrors, command.SilenceUsage = true, true
	err := command.ExecuteContext(t.Context())
	if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(failure.Hint(err), "one-domain") {
		t.Errorf("got %v (hint %q)", err, failure.Hint(err))
	}
}

// A second start with the same state file has what the first one was told, and needs no world.
func TestStateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nautobot.db")
	for i := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		reader, writer := io.Pipe()
		command := serve.New()
		var said bytes.Buffer
		command.SetArgs([]string{"nautobot", "--world", "one-domain", "--state", file})
		command.SetOut(writer)
		command.SetErr(&said)
		ended := make(chan error, 1)
		go func() { ended <- command.ExecuteContext(ctx) }()
		url, err := bufio.NewReader(reader).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequest("GET", strings.TrimSpace(url)+"/api/tenancy/tenants/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Token 0123456789abcdef0123456789abcdef01234567")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(body), `"count":3`) {
			t.Errorf("start %d: %s %v", i, body, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("start %d ended with %v", i, err)
		}
		if kept := strings.Contains(said.String(), "no world is loaded"); kept != (i == 1) {
			t.Errorf("start %d said %q", i, said.String())
		}
	}
}
