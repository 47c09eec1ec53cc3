package observe

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eventrig/eventrig/internal/ledger"
)

func TestALogIsTakenUpAgainWithoutLossOrRepetition(t *testing.T) {
	success := func(event string) string {
		return fmt.Sprintf(`{"level":"info","triggerName":"t","msg":"Successfully processed trigger 't'","triggeredByEvents":["%s"]}`, event)
	}
	// Two lines share a timestamp, as a runtime that reads in blocks writes them; the last one is cut off.
	first := "2026-11-23T11:00:00.1Z " + success("a") + "\n2026-11-23T11:00:00.1Z " + success("b") + "\n2026-11-23T11:00:00.2Z " + success("c")[:20]
	second := "2026-11-23T11:00:00.1Z " + success("a") + "\n2026-11-23T11:00:00.1Z " + success("b") + "\n2026-11-23T11:00:00.2Z " + success("c") + "\n"
	opened := 0
	o := newObserver(Config{Ledger: ledger.New(nil), OpenLog: func(_ context.Context, _, _, _ string, since *time.Time) (io.ReadCloser, error) {
		opened++
		switch opened {
		case 1:
			return io.NopCloser(strings.NewReader(first)), nil
		case 2:
			if since == nil {
				t.Error("the second stream must begin after the first")
			}
			return io.NopCloser(strings.NewReader(second)), nil
		default:
			return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "p")
		}
	}})
	defer o.Close()
	c := &component{namespace: "openstack", name: "s", run: "r", ready: map[string]time.Time{}}
	o.wg.Add(1)
	o.follow(c, "openstack", "p") // returns because the pod is gone
	o.mu.Lock()
	defer o.mu.Unlock()
	byEvent := o.state.outcomes[subject{"openstack/s", "t"}]
	for _, event := range []string{"a", "b", "c"} {
		if out := byEvent[event]; out == nil || len(out.runs) != 1 {
			t.Errorf("%s: %+v, want one run", event, out)
		}
	}
}
