package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/report"
)

// played is a target whose scenarios end as a test says.
type played struct {
	run    func(ctx context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result
	failed chan struct{}
}

func (p played) Run(ctx context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result {
	r := p.run(ctx, s, opts)
	r.Name, r.Tier = s.Metadata.Name, "embedded"
	return r
}
func (p played) About(context.Context) (map[string]string, []string, error) { return nil, nil, nil }
func (p played) Status() rig.Status                                         { return rig.Status{} }
func (p played) Failed() <-chan struct{}                                    { return p.failed }
func (p played) SaveArtifacts(string) error                                 { return nil }
func (p played) Close() error                                               { return nil }
func (p played) Err() error {
	select {
	case <-p.failed:
		return errors.New("RabbitMQ ended")
	default:
		return nil
	}
}

func named(names ...string) []scenario.Scenario {
	var all []scenario.Scenario
	for _, name := range names {
		all = append(all, scenario.Scenario{Metadata: scenario.Metadata{Name: name}})
	}
	return all
}

var failing = scenario.Result{Verdict: scenario.Failed, Failures: []scenario.Failure{{Hop: "triggered", Expected: "once", Got: "0"}}}

func TestRepeatsDrawOtherVariablesAndKeepTheOrder(t *testing.T) {
	var mu sync.Mutex
	attempts := map[string][]int{}
	on := played{run: func(_ context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result {
		mu.Lock()
		defer mu.Unlock()
		attempts[s.Metadata.Name] = append(attempts[s.Metadata.Name], opts.Attempt)
		if opts.Seed != 7 {
			t.Errorf("seed %d", opts.Seed)
		}
		return scenario.Result{Verdict: scenario.Passed}
	}}
	f := flags{seed: 7, repeat: 3, parallel: 2, flakes: 2}
	results, left := f.scenarios(t.Context(), talk.New(io.Discard), on, named("a", "b"))
	var order []string
	for _, r := range results {
		order = append(order, r.Name)
	}
	if strings.Join(order, "") != "ababab" || len(left) != 0 {
		t.Errorf("%v %v", order, left)
	}
	for name, drawn := range attempts {
		slices.Sort(drawn)
		if !slices.Equal(drawn, []int{0, 2, 4}) { // a second attempt of each would be 1, 3, 5
			t.Errorf("%s: %v", name, drawn)
		}
	}
}

func TestAsManyRunSideBySideAsTheUserAllows(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	both := make(chan struct{})
	on := played{run: func(ctx context.Context, _ scenario.Scenario, _ scenario.Options) scenario.Result {
		mu.Lock()
		running++
		most = max(most, running)
		if running == 2 {
			select {
			case <-both:
			default:
				close(both)
			}
		}
		mu.Unlock()
		select {
		case <-both:
		case <-time.After(10 * time.Second):
			t.Error("they never ran side by side")
		}
		mu.Lock()
		running--
		mu.Unlock()
		return scenario.Result{Verdict: scenario.Passed}
	}}
	f := flags{repeat: 1, parallel: 2, flakes: 1}
	results, _ := f.scenarios(t.Context(), talk.New(io.Discard), on, named("a", "b", "c", "d"))
	if len(results) != 4 || most != 2 {
		t.Errorf("%d results, %d side by side", len(results), most)
	}
}

func TestAFlakeIsSeenAndAFailureStaysOne(t *testing.T) {
	tries := map[string]int{}
	on := played{run: func(_ context.Context, s scenario.Scenario, _ scenario.Options) scenario.Result {
		name := s.Metadata.Name
		tries[name]++
		switch {
		case name == "steady", name == "flaky" && tries[name] == 3:
			return scenario.Result{Verdict: scenario.Passed}
		case name == "broken":
			return scenario.Result{Verdict: scenario.Errored, Err: errors.New("no such folder")}
		default:
			return failing
		}
	}}
	selected := named("steady", "flaky", "failing", "broken", "mended")
	selected[4].Spec.KnownDefect = "fires on everything"
	f := flags{repeat: 1, parallel: 1, flakes: 3}
	results, _ := f.scenarios(t.Context(), talk.New(io.Discard), on, selected)
	var told []string
	for _, r := range results {
		told = append(told, fmt.Sprintf("%s %s %d %v", r.Name, r.Verdict, len(r.Earlier), r.Flaky()))
	}
	want := []string{"steady passed 0 false", "flaky passed 2 true", "failing failed 2 false", "broken error 0 false", "mended failed 0 false"}
	if !slices.Equal(told, want) {
		t.Errorf("got  %q\nwant %q", told, want)
	}
	if err := outcome(report.New(nil, results[:2], nil)); err != nil {
		t.Errorf("a flake that passed fails the run: %v", err)
	}
	if err := outcome(report.New(nil, results[:3], nil)); failure.ExitStatus(err) != int(failure.Check) {
		t.Errorf("%v", err)
	}
}

func TestWhatThereWasNoTimeForIsLeftAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(on played, cancel context.CancelCauseFunc)
		want string
	}{
		"interrupted": {func(_ played, cancel context.CancelCauseFunc) { cancel(context.Canceled) }, "not run: interrupted"},
		"rig failed":  {func(on played, _ context.CancelCauseFunc) { close(on.failed) }, "not run: the rig failed"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			on := played{failed: make(chan struct{})}
			on.run = func(ctx context.Context, _ scenario.Scenario, _ scenario.Options) scenario.Result {
				c.end(on, cancel)
				<-ctx.Done()
				return scenario.Result{Verdict: scenario.Errored, Err: ctx.Err()}
			}
			f := flags{repeat: 1, parallel: 1, flakes: 5}
			results, left := f.scenarios(ctx, talk.New(io.Discard), on, named("a", "b", "c"))
			if len(results) != 1 || len(results[0].Earlier) != 0 || len(left) != 2 || left[0] != (report.Skip{Name: "b", Reason: c.want}) {
				t.Errorf("%+v %+v", results, left)
			}
		})
	}
}

func TestSIGUSR1TellsWhatIsWaitedFor(t *testing.T) {
	out := &signalled{told: make(chan string, 8)}
	w := newWaits(talk.New(out))
	defer w.close()
	w.set("a", "Sensor openstack/s has not said")
	w.set("b", "its turn")
	w.set("b", "")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	select {
	case told := <-out.told:
		if !strings.Contains(told, "a waits for: Sensor openstack/s has not said") {
			t.Errorf("%q", told)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was told")
	}
}

type signalled struct{ told chan string }

func (s *signalled) Write(p []byte) (int, error) { s.told <- string(p); return len(p), nil }
