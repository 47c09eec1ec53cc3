package broker

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/failure"
)

// start runs a broker for a test; without a RabbitMQ on the machine the test is skipped.
func start(t testing.TB, config Config) *Broker {
	t.Helper()
	if _, err := FindHostServer(); err != nil {
		t.Skipf("%s needs a real RabbitMQ: %v", t.Name(), err)
	}
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	broker, err := Start(ctx, config)
	if err != nil {
		t.Fatalf("start: %v (hint: %s)", err, failure.Hint(err))
	}
	t.Logf("RabbitMQ %s accepted AMQP after %v", broker.Version(), time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() { _ = broker.Close() })
	return broker
}

func TestBrokerLoadsDefinitionsAndRoutes(t *testing.T) {
	dir := t.TempDir()
	broker := start(t, Config{Dir: dir})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	if broker.Version() == "" {
		t.Error("the server's version is unknown")
	}
	for _, service := range broker.Services() {
		own, err := broker.ServiceURL(service.Name)
		if err != nil {
			t.Fatal(err)
		}
		connection, err := Dial(ctx, nil, own)
		if err != nil {
			t.Fatalf("user %s in %s: %v", service.User, service.VHost, err)
		}
		_ = connection.Close()
	}
	// A service's user has rights in its own virtual host only.
	keystone, err := broker.ServiceURL("keystone")
	if err != nil {
		t.Fatal(err)
	}
	if connection, err := Dial(ctx, nil, strings.TrimSuffix(keystone, "keystone")+"nova"); err == nil {
		_ = connection.Close()
		t.Error("keystone's user may enter nova's virtual host")
	}

	if n, err := broker.Consumers(ctx, "keystone", "argo_notifications"); err != nil || n != 0 {
		t.Errorf("consumers of a queue that does not exist: %d, %v", n, err)
	}
	if _, err := broker.Queue(ctx, "keystone", "argo_notifications"); !errors.Is(err, ErrNoQueue) {
		t.Errorf("state of a queue that does not exist: %v", err)
	}
	counter, err := broker.Count(ctx, "keystone", "keystone", "notifications.*")
	if err != nil {
		t.Fatal(err)
	}
	connection, err := broker.Connect(ctx, "keystone")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	channel, err := connection.Channel()
	if err != nil {
		t.Fatal(err)
	}
	// As the EventSource declares it.
	if _, err := channel.QueueDeclare("argo_notifications", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := channel.QueueBind("argo_notifications", "notifications.info", "keystone", false, nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"notifications.info", "notifications.error", "elsewhere"} {
		if err := channel.PublishWithContext(ctx, "keystone", key, false, false, amqp.Publishing{Body: []byte(key)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := counter.Wait(ctx, 2); err != nil {
		t.Error(err)
	}
	if _, err := channel.Consume("argo_notifications", "argo-events", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := broker.Consumers(ctx, "keystone", "argo_notifications"); err != nil || n != 1 {
		t.Errorf("consumers: %d, %v; want 1", n, err)
	}

	outside, err := External(ctx, broker.URL(""), "nova")
	if err != nil {
		t.Fatal(err)
	}
	if outside.Version() != broker.Version() {
		t.Errorf("external sees version %q", outside.Version())
	}
	if err := outside.Close(); err != nil {
		t.Error(err)
	}
	if err := broker.Close(); err != nil {
		t.Error(err)
	}
	assertGone(t, dir)
}

func TestBrokersLiveSideBySide(t *testing.T) {
	first, second := start(t, Config{}), start(t, Config{})
	if first.Address() == second.Address() {
		t.Fatalf("both listen on %s", first.Address())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	counter, err := second.Count(ctx, "nova", "nova", "#")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	connection, err := second.Connect(ctx, "nova")
	if err != nil {
		t.Fatalf("the second broker went with the first: %v", err)
	}
	defer func() { _ = connection.Close() }()
	channel, err := connection.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := channel.PublishWithContext(ctx, "nova", "notifications.info", false, false, amqp.Publishing{}); err != nil {
		t.Fatal(err)
	}
	if err := counter.Wait(ctx, 1); err != nil {
		t.Error(err)
	}
}

func TestStartSaysWhyItFailed(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "rabbitmq-server")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho 'BOOT FAILED: {error,eaddrinuse}'\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()

	for name, test := range map[string]struct {
		config     Config
		want, hint string
		class      failure.Class
	}{
		"early exit": {Config{Server: &Server{Path: broken}}, "BOOT FAILED", "port is taken", failure.Environment},
		"port taken": {Config{Server: &Server{Path: broken}, Listen: listener.Addr().String()}, "already accepts", "choose a port", failure.Environment},
		"no launcher for a root": {Config{Server: &Server{Path: "/x", Root: "/r"}}, "cannot run a server of the root file system /r",
			"sandbox", failure.Environment},
		"address without port": {Config{Server: &Server{Path: broken}, Listen: "localhost"}, "address", "HOST:PORT", failure.BadInput},
		"port of a sandbox unknown": {Config{Server: &Server{Path: broken}, Dial: (&net.Dialer{}).DialContext}, "dialer of its own",
			"name the port", failure.BadInput},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.Dir = t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := Start(ctx, test.config)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(failure.Hint(err), test.hint) {
				t.Errorf("error %q, hint %q", err, failure.Hint(err))
			}
			if got := failure.ExitStatus(err); got != int(test.class) {
				t.Errorf("exit status %d, want %d", got, test.class)
			}
		})
	}
}

func TestStartStopsAtTheDeadline(t *testing.T) {
	silent := filepath.Join(t.TempDir(), "rabbitmq-server")
	if err := os.WriteFile(silent, []byte("#!/bin/sh\necho booting\nsleep 600 &\nwait\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// Time runs out once the server has said something, however long that takes on a busy machine.
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			if log, err := os.ReadFile(filepath.Join(dir, "rabbitmq.log")); err == nil && len(log) > 0 {
				cancel(context.DeadlineExceeded)
			}
			<-ticker.C
		}
	}()
	_, err := Start(ctx, Config{Dir: dir, Server: &Server{Path: silent}})
	if failure.ExitStatus(err) != int(failure.Timeout) || !strings.Contains(err.Error(), "booting") {
		t.Errorf("error %v", err)
	}
	assertGone(t, dir)
}

func TestFindServer(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	script := filepath.Join(cache, "eventrig/rabbitmq-4/rootfs/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-server")
	if err := os.MkdirAll(filepath.Dir(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := FindServer()
	if err != nil {
		t.Fatal(err)
	}
	if server.Root == "" || server.Path != "/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-server" {
		t.Errorf("%+v", server)
	}
}

// assertGone fails when a process of the broker in dir is left.
func assertGone(t *testing.T, dir string) {
	t.Helper()
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range environs {
		if environ, err := os.ReadFile(file); err == nil && strings.Contains(string(environ), dir+"\x00") {
			cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			t.Errorf("left behind: %s %q", filepath.Dir(file), cmdline)
		}
	}
}

func BenchmarkBoot(b *testing.B) {
	for b.Loop() {
		broker := start(b, Config{Dir: b.TempDir()})
		if err := broker.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
