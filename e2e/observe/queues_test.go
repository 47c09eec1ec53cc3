package observe

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

// TestWhatWaitsTellsOfItsQueue has a message wait for its EventSource: what is open says whether it is still in its queue.
func TestWhatWaitsTellsOfItsQueue(t *testing.T) {
	var messages, consumers atomic.Int64
	var refused atomic.Bool
	messages.Store(1)
	o := newObserver(Config{Ledger: ledger.New(nil), Queue: func(_ context.Context, vhost, name string) (int, int, error) {
		if vhost != "keystone" || name != "q" {
			t.Errorf("asked for %s/%s", vhost, name)
		}
		if refused.Load() {
			return 0, 0, errors.New("connection refused")
		}
		return int(messages.Load()), int(consumers.Load()), nil
	}})
	o.wg.Add(1)
	go o.loop()
	t.Cleanup(o.Close)
	o.state.track("a", start, []route{{queue: "keystone q", consumers: []consumer{{"openstack", "keystone", "notifications"}}}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	until := func(want string) {
		t.Helper()
		for {
			changed := o.Changed()
			settled, open, err := o.Settled(ctx, []string{"a"})
			if settled || err != nil {
				t.Fatalf("settled %v, %v", settled, err)
			}
			if strings.Contains(open, want) && strings.Contains(open, "has not put it on the bus") {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				t.Fatalf("open: %s; want %q", open, want)
			}
		}
	}
	until("queue keystone/q has 1 message ready and no consumer")
	messages.Store(0)
	consumers.Store(2)
	until("no message ready and 2 consumers: what was in it has been taken")
	refused.Store(true)
	until("RabbitMQ does not tell of queue keystone/q: connection refused")
}
