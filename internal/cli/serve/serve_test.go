package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
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
