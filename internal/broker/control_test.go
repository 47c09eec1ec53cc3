package broker

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestControlReachesTheServer(t *testing.T) {
	dir := t.TempDir()
	broker := start(t, Config{Dir: dir})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	answer, err := broker.Control(ctx, "list_vhosts", "--formatter", "json", "--quiet")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("rabbitmqctl list_vhosts took %v", time.Since(begin).Round(time.Millisecond))
	var vhosts []struct{ Name string }
	if err := json.Unmarshal([]byte(answer.Output), &vhosts); err != nil || len(vhosts) != len(DefaultServices()) {
		t.Errorf("virtual hosts %v, %v; said %+v", vhosts, err, answer)
	}
	if answer, err = broker.Control(ctx, "clear_permissions", "nobody"); err != nil || answer.Status == 0 || !strings.Contains(answer.Errors, "nobody") {
		t.Errorf("the rights of a user who is not there: %+v, %v", answer, err)
	}

	connection, err := broker.Connect(ctx, "nova")
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.CloseConnections(ctx, "a test says so"); err != nil {
		t.Fatal(err)
	}
	for !connection.IsClosed() && ctx.Err() == nil {
		select {
		case <-connection.NotifyClose(make(chan *amqp.Error, 1)):
		case <-ctx.Done():
			t.Fatal("the connection is still open")
		}
	}
	if n, err := broker.Consumers(ctx, "nova", "none"); err != nil || n != 0 {
		t.Errorf("the broker's own connection does not come back: %v", err)
	}
	channel, err := broker.channel(ctx, "nova")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := channel.QueueDeclare("waiting", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	report, err := broker.Report(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Listing queues for vhost nova", "waiting\ttrue", "Listing connections", "Listing bindings for vhost nova", "RabbitMQ " + broker.Version()} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, service := range broker.Services() {
		if strings.Contains(report, service.Password) {
			t.Errorf("the report tells the password of %s", service.User)
		}
	}
	stopped(t, broker, ctx)
	if err := broker.Close(); err != nil {
		t.Error(err)
	}
	assertGone(t, dir)
}

// stopped checks what the tools say of a server that does not run.
func stopped(t *testing.T, broker *Broker, ctx context.Context) {
	t.Helper()
	if err := broker.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.Control(ctx, "status"); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("rabbitmqctl with a stopped server: %v", err)
	}
}

func TestManagementStartsWhenAskedFor(t *testing.T) {
	broker := start(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	channel, err := broker.channel(ctx, "nova")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := channel.QueueDeclare("waiting", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := channel.PublishWithContext(ctx, "", "waiting", false, false, amqp.Publishing{Body: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return broker.DialManagement(ctx) }}}
	ask := func(path string, into any) int {
		t.Helper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://rabbit"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(broker.User(), broker.Password())
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
				t.Fatal(err)
			}
		}
		return answer.StatusCode
	}
	begin := time.Now()
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	if status := ask("/api/overview", &overview); status != http.StatusOK || overview.Version != broker.Version() {
		t.Errorf("overview: %d, version %q", status, overview.Version)
	}
	t.Logf("the HTTP API answered after %v", time.Since(begin).Round(time.Millisecond))
	var queue struct {
		Messages *int `json:"messages"`
	}
	// The server counts every few seconds.
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for ; queue.Messages == nil || *queue.Messages != 1; <-ticker.C {
		if status := ask("/api/queues/nova/waiting", &queue); status != http.StatusOK || ctx.Err() != nil {
			t.Fatalf("the queue: %d, %+v", status, queue)
		}
	}
	t.Logf("it counted the queue's message after %v", time.Since(begin).Round(time.Millisecond))
}
