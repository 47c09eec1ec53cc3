package scenario

import (
	"context"
	"errors"
	"testing"
)

func claimOf(t *testing.T, body string, attempt int) Claim {
	t.Helper()
	list, err := Parse("t.yaml", []byte(head+body+"  then: {ledger: {lost: 0}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	values, err := Values(list[0], 7, attempt)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Resolve(list[0], values)
	if err != nil {
		t.Fatal(err)
	}
	return ClaimOf(list[0], spec, values)
}

func TestWhichScenariosMayRunSideBySide(t *testing.T) {
	const (
		created = "spec:\n  vars: {id: hex}\n  when: [{publish: {event: keystone/a, set: {payload.target.id: \"${id}\"}}}]\n"
		literal = "spec:\n  when: [{publish: {event: keystone/a, set: {payload.target.id: 1f0e8d7c6b5a49382716a5b4c3d2e1f0}}}]\n"
		dashed  = "spec:\n  when: [{publish: {event: keystone/b, set: {payload.target.id: 1F0E8D7C-6b5a-4938-2716-a5b4c3d2e1f0}}}]\n"
		another = "spec:\n  when: [{publish: {event: keystone/a, set: {payload.target.id: 2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d}}}]\n"
		nothing = "spec:\n  when: [{publish: {event: keystone/a}}]\n"
		other   = "spec:\n  when: [{publish: {event: keystone/c}}]\n"
		raw     = "spec:\n  when: [{publish: {raw: '{\"n\": 1}', vhost: v, exchange: e, routing-key: k}}]\n"
		applies = "spec:\n  given: {objects: [{kind: A}]}\n  when: [{wait-settled: {}}]\n"
		faulty  = "spec:\n  when: [{fault: {broker: restart}}]\n"
		slow    = "spec:\n  when: [{fault: {nautobot: {delaySeconds: 1}}}]\n"
		hook    = "spec:\n  vars: {id: uuid}\n  when: [{webhook: {eventSource: e, event: a, body: {id: \"${id}\"}}}]\n"
	)
	for name, c := range map[string]struct {
		a, b string
		want bool // conflict
	}{
		"drawn twice":              {created, created, false},
		"drawn and of the world":   {created, literal, false},
		"the same of the world":    {literal, literal, true},
		"the same, written apart":  {literal, dashed, true},
		"two of the world":         {literal, another, false},
		"one that names nothing":   {created, nothing, true},
		"two that name nothing":    {nothing, other, false},
		"a body of any kind":       {raw, created, true},
		"a body beside a webhook":  {raw, hook, true},
		"webhooks":                 {hook, hook, false},
		"one that applies objects": {created, applies, true},
		"one that breaks things":   {other, faulty, true},
		"one with slow simulators": {created, slow, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := claimOf(t, c.a, 0), claimOf(t, c.b, 1)
			if a.Conflicts(b) != c.want || b.Conflicts(a) != c.want {
				t.Errorf("conflict is %v and %v, want %v\n%+v\n%+v", a.Conflicts(b), b.Conflicts(a), c.want, a, b)
			}
		})
	}
}

func TestTurnsComeInTheOrderOfAsking(t *testing.T) {
	var turns Turns
	free, alone := Claim{}, Claim{Alone: "it applies objects"}
	take := func(claim Claim) (end func(), err error) { return turns.Take(t.Context(), claim) }
	first, err1 := take(free)
	second, err2 := take(free) // beside the first
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	granted := make(chan string, 2)
	ask := func(name string, claim Claim) {
		before := queued(&turns)
		go func() {
			end, err := take(claim)
			if err != nil {
				t.Error(err)
				return
			}
			granted <- name
			end()
		}()
		for queued(&turns) == before {
			select {
			case <-t.Context().Done():
				t.Fatal("it never asked")
			default:
			}
		}
	}
	ask("alone", alone)
	ask("later", free) // does not overtake, or the other would wait for ever
	first()
	select {
	case name := <-granted:
		t.Fatalf("%s ran beside another", name)
	default:
	}
	second()
	second() // twice does no harm
	if a, b := <-granted, <-granted; a != "alone" || b != "later" {
		t.Errorf("%s before %s", a, b)
	}
	// Who gives up leaves no gap.
	end, err := take(alone)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.Take(gone, free); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	end()
	if n := queued(&turns); n != 0 {
		t.Errorf("%d are still queued", n)
	}
}

func queued(t *Turns) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue)
}
