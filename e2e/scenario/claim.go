package scenario

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Claim is what a scenario takes of a rig, so that no two run side by side whose Workflows could not be told apart, and
// none beside one that changes what they share. The simulators are no part of it: each scenario has its own.
type Claim struct {
	Alone  string // why it needs the rig to itself; empty when it does not
	Events []EventClaim
}

// EventClaim is one publication as far as it is known before it happens.
type EventClaim struct {
	Event string   // of the catalogue; empty for a body that could be any
	IDs   []string // identifiers in it that were not drawn for this run
	Drawn bool     // it holds a value drawn for this run, which no other scenario has
}

// identifier matches a UUID, with dashes or without, as OpenStack and Nautobot write them.
var identifier = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b`)

// ClaimOf returns what a scenario takes; spec is its body with the variables replaced by values.
func ClaimOf(s Scenario, spec Spec, values map[string]string) Claim {
	var claim Claim
	alone := func(why string) {
		if claim.Alone == "" {
			claim.Alone = why
		}
	}
	if len(spec.Given.Objects)+len(spec.Given.Manifests) > 0 {
		alone("it applies objects")
	}
	for _, f := range spec.Given.Faults {
		alone(f.alone())
	}
	var drawn []string
	for name, kind := range s.Spec.Vars {
		if kind == "uuid" || kind == "hex" || kind == "name" {
			drawn = append(drawn, undashed(values[name]))
		}
	}
	event := func(name, text string) {
		e := EventClaim{Event: name}
		for _, id := range identifier.FindAllString(text, -1) {
			if id = undashed(id); !slices.Contains(drawn, id) && !slices.Contains(e.IDs, id) {
				e.IDs = append(e.IDs, id)
			}
		}
		plain := undashed(text)
		e.Drawn = slices.ContainsFunc(drawn, func(value string) bool { return strings.Contains(plain, value) })
		claim.Events = append(claim.Events, e)
	}
	for _, step := range spec.When {
		switch {
		case step.Publish != nil:
			set, _ := json.Marshal(step.Publish.Set) // of what was read from YAML: it cannot fail
			event(step.Publish.Event, string(set)+step.Publish.Raw)
		case step.Replay != nil:
			for _, m := range step.Replay.Messages {
				event("", string(m.Body))
			}
		case step.Webhook != nil:
			body, _ := json.Marshal(step.Webhook.Body)
			event("webhook "+step.Webhook.EventSource+" "+step.Webhook.Event, string(body))
		case step.Apply != nil:
			alone("it applies objects")
		case step.Delete != nil:
			alone("it deletes objects")
		case step.Fault != nil:
			alone(step.Fault.alone())
		}
	}
	return claim
}

func undashed(text string) string { return strings.ToLower(strings.ReplaceAll(text, "-", "")) }

// Conflicts says whether the two may not run side by side. Two publications could be confused when they have an
// identifier in common, and two of one kind when one of them names nothing at all.
func (c Claim) Conflicts(other Claim) bool {
	if c.Alone != "" || other.Alone != "" {
		return true
	}
	for _, a := range c.Events {
		for _, b := range other.Events {
			if slices.ContainsFunc(a.IDs, func(id string) bool { return slices.Contains(b.IDs, id) }) {
				return true
			}
			alike := a.Event == b.Event || a.Event == "" || b.Event == ""
			distinct := (a.Drawn || len(a.IDs) > 0) && (b.Drawn || len(b.IDs) > 0)
			if alike && !distinct {
				return true
			}
		}
	}
	return false
}

// Turns lets scenarios run side by side as far as their claims admit it, in the order in which they asked. The zero value
// is ready for use.
type Turns struct {
	mu    sync.Mutex
	queue []*turn
}

type turn struct {
	claim   Claim
	granted bool
	grant   chan struct{}
}

// Take waits for the claim's turn and returns what ends it.
func (t *Turns) Take(ctx context.Context, claim Claim) (end func(), err error) {
	mine := &turn{claim: claim, grant: make(chan struct{})}
	t.mu.Lock()
	t.queue = append(t.queue, mine)
	t.pass()
	t.mu.Unlock()
	leave := sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.queue = slices.DeleteFunc(t.queue, func(other *turn) bool { return other == mine })
		t.pass()
	})
	select {
	case <-mine.grant:
		return leave, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// pass grants whoever conflicts with nobody that asked before. The caller holds the lock.
func (t *Turns) pass() {
	for i, next := range t.queue {
		if next.granted {
			continue
		}
		if !slices.ContainsFunc(t.queue[:i], func(earlier *turn) bool { return earlier.claim.Conflicts(next.claim) }) {
			next.granted = true
			close(next.grant)
		}
	}
}
