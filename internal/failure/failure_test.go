package failure_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestExitStatusFollowsTheDocumentedTable(t *testing.T) {
	badInput := failure.New(failure.BadInput, "use --tier embedded", "tier %q is unknown", "fast")
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"success":           {nil, 0},
		"unclassified":      {errors.New("mismatch"), 1},
		"wrapped bad input": {fmt.Errorf("read flags: %w", badInput), 2},
		"deadline":          {fmt.Errorf("wait: %w", context.DeadlineExceeded), 4},
		"interrupt":         {fmt.Errorf("wait: %w", context.Canceled), 130},
	} {
		if got := failure.ExitStatus(test.err); got != test.want {
			t.Errorf("%s: exit status %d, want %d", name, got, test.want)
		}
	}
	if got := failure.Hint(fmt.Errorf("read flags: %w", badInput)); got != "use --tier embedded" {
		t.Errorf("hint %q is lost by wrapping", got)
	}
}

func TestHintOfAnInnerErrorIsFoundWhenTheOuterHasNone(t *testing.T) {
	inner := failure.New(failure.Environment, "install rabbitmq-server", "start broker: not found")
	if got := failure.Hint(failure.New(failure.Environment, "", "boot rig: %w", inner)); got != "install rabbitmq-server" {
		t.Errorf("hint %q, want the inner one", got)
	}
}

func TestDecidedSurvivesWrappingAndKeepsTheClass(t *testing.T) {
	err := fmt.Errorf("run: %w", failure.Decided(failure.New(failure.Check, "", "failed")))
	if !failure.IsDecided(err) || failure.ExitStatus(err) != int(failure.Check) {
		t.Errorf("%v: decided %v, status %d", err, failure.IsDecided(err), failure.ExitStatus(err))
	}
	if failure.IsDecided(errors.New("x")) || failure.Decided(nil) != nil {
		t.Error("decided without a mark")
	}
}
