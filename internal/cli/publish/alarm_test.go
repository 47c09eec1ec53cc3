package publish

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
)

// shortOfMemory launches a RabbitMQ whose memory alarm is on from its first breath, and off once a file is there. Two
// runs of rabbitmqctl would say the same, at several times the cost of the rest of the test.
type shortOfMemory struct {
	broker.ExecLauncher
	enough string
}

func (l shortOfMemory) Launch(ctx context.Context, command broker.Command) (broker.Process, error) {
	file := filepath.Join(command.Dir, "rabbitmq.config")
	config, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	limit := regexp.MustCompile(`(\{vm_memory_high_watermark, \{absolute, )"[^"]*"`)
	if !limit.Match(config) {
		return nil, fmt.Errorf("no limit of memory in %s", config)
	}
	if err := os.WriteFile(file, limit.ReplaceAll(config, []byte(`${1}1000000`)), 0o600); err != nil {
		return nil, err
	}
	// ERL_AFLAGS is split at spaces, so the expression has none, and its path is spelled in numbers.
	spelled := strings.Trim(strings.ReplaceAll(fmt.Sprint([]byte(l.enough)), " ", ","), "[]")
	lift := fmt.Sprintf("-eval F=fun(F)->(case(filelib:is_file([%s]))of(true)->vm_memory_monitor:set_vm_memory_high_watermark({absolute,4000000000});"+
		"(_)->timer:sleep(50),F(F)end)end,spawn(fun()->F(F)end).", spelled)
	command.Env = slices.Clone(command.Env)
	for i, variable := range command.Env {
		if strings.HasPrefix(variable, "ERL_AFLAGS=") {
			command.Env[i] += " " + lift
		}
	}
	return l.ExecLauncher.Launch(ctx, command)
}

// told is an output that can be waited for.
type told struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newTold() *told { return &told{changed: make(chan struct{})} }

func (w *told) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
	return w.text.Write(p)
}

func (w *told) String() string { w.mu.Lock(); defer w.mu.Unlock(); return w.text.String() }

// wait returns once the output holds a text, or says what it held instead.
func (w *told) wait(ctx context.Context, want string) error {
	for {
		w.mu.Lock()
		text, changed := w.text.String(), w.changed
		w.mu.Unlock()
		if strings.Contains(text, want) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("no %q in %q: %w", want, text, ctx.Err())
		}
	}
}

// TestABrokerShortOfMemory publishes to a real RabbitMQ while its memory alarm is on. Nothing is claimed and nothing lost:
// publish says what it waits for, can be interrupted, and goes on by itself once the broker takes messages again.
func TestABrokerShortOfMemory(t *testing.T) {
	if _, err := broker.FindHostServer(); err != nil {
		t.Skipf("%s needs a real RabbitMQ: %v", t.Name(), err)
	}
	enough := filepath.Join(t.TempDir(), "enough")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	rabbit, err := broker.Start(ctx, broker.Config{Dir: t.TempDir(), Launcher: shortOfMemory{enough: enough}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rabbit.Close() }()
	url := strings.TrimSuffix(rabbit.URL(""), "/")
	const waiting = "the broker takes no messages for now, waiting: low on memory\n"
	start := func(ctx context.Context, count string) (stdout, stderr *told, ended chan error) {
		cmd := New(nil)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		stdout, stderr, ended = newTold(), newTold(), make(chan error, 1)
		cmd.SetOut(stdout)
		cmd.SetErr(stderr)
		cmd.SetArgs([]string{"keystone/identity.project.created", "--count", count, "--amqp", url})
		go func() { ended <- cmd.ExecuteContext(ctx) }()
		return stdout, stderr, ended
	}

	interrupted, interrupt := context.WithCancel(ctx)
	_, stderr, ended := start(interrupted, "5")
	if err := stderr.wait(ctx, waiting); err != nil {
		t.Fatal(err)
	}
	interrupt()
	if err := <-ended; failure.ExitStatus(err) != int(failure.Interrupted) || !strings.Contains(err.Error(), "of 5 confirmed") || !strings.Contains(err.Error(), "takes no messages, being low on memory") {
		t.Errorf("interrupted while the broker takes nothing, it ends with status %d: %v", failure.ExitStatus(err), err)
	}

	// Many, so that the connection itself is full before the alarm ends.
	const count = 20000
	stdout, stderr, ended := start(ctx, "20000")
	if err := stderr.wait(ctx, waiting); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended while the broker takes nothing: %v\n%s", err, stderr)
	default:
	}
	if err := os.WriteFile(enough, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := stderr.wait(ctx, "the broker takes messages again\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || strings.Count(stdout.String(), "\n") != count || !strings.Contains(stderr.String(), "20000 confirmed in") {
		t.Errorf("%v, %d confirmed, %s", err, strings.Count(stdout.String(), "\n"), stderr)
	}
}
