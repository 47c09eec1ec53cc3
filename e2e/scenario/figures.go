package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

func ledgerFailures(v *view, e LedgerExpectation) []judged {
	var out []judged
	lost, duplicates := v.lostAndDuplicates()
	if e.Lost != nil && !e.Lost.Holds(lost) {
		out = append(out, judged{Failure{Hop: string(ledger.OnBus), Expected: e.Lost.String() + " lost", Got: strconv.Itoa(lost), Line: e.Line}, false})
	}
	if e.Duplicates != nil && !e.Duplicates.Holds(duplicates) {
		out = append(out, judged{Failure{Hop: string(ledger.OnBus), Expected: e.Duplicates.String() + " duplicates", Got: strconv.Itoa(duplicates), Line: e.Line}, e.Duplicates.Exceeded(duplicates)})
	}
	for _, hop := range e.Order {
		if f, never := v.orderFailure(hop); f != nil {
			f.Line = e.Line
			out = append(out, judged{*f, never})
		}
	}
	for _, hop := range sortedKeys(e.MaxLatency) {
		bound, err := time.ParseDuration(e.MaxLatency[hop])
		if err != nil {
			continue // refused when the scenario was read
		}
		if f, never := v.latencyFailure(hop, bound); f != nil {
			f.Line = e.Line
			out = append(out, judged{*f, never})
		}
	}
	return out
}

// lostAndDuplicates counts the messages that never came onto the bus, and how often one came there again.
func (v *view) lostAndDuplicates() (lost, duplicates int) {
	perKey := map[string]map[[2]string]bool{}            // key -> EventSource and CloudEvent id
	routed, sent := map[string]bool{}, map[string]bool{} // sent: by the scenario
	for _, r := range v.records {
		routed[r.MessageID] = routed[r.MessageID] || r.Hop == ledger.Routed
		sent[r.MessageID] = sent[r.MessageID] || (r.Hop == ledger.Published && r.Details["caused"] != true)
		if r.Hop == ledger.OnBus && r.Verdict != "failed" && r.MessageID != "" {
			if perKey[r.MessageID] == nil {
				perKey[r.MessageID] = map[[2]string]bool{}
			}
			perKey[r.MessageID][[2]string{r.Object, r.EventID}] = true
		}
	}
	for _, key := range v.keys {
		sources := map[string]int{}
		for id := range perKey[key] {
			sources[id[0]]++
		}
		if len(perKey[key]) == 0 && (routed[key] || sent[key]) {
			lost++ // of what the simulated cloud told, nobody need consume all
		}
		for _, n := range sources {
			duplicates += n - 1
		}
	}
	return lost, duplicates
}

// arrivals are the times at which a message came to a hop: one for each object, Sensor and trigger there.
func (v *view) arrivals(key, hop string) []time.Time {
	first := map[string]time.Time{}
	for _, r := range v.records {
		at := r.Time
		finished, _ := r.Details["finished"].(bool)
		switch {
		case r.MessageID != key, r.Ambiguous:
			continue
		case hop == "finished" && (r.Hop != ledger.Workflow || !finished), hop != "finished" && string(r.Hop) != hop:
			continue
		case hop == string(ledger.Workflow):
			at = createdAt(r)
		}
		name := r.Object + " " + r.Sensor + " " + r.Trigger + " " + r.EventID
		if known, ok := first[name]; !ok || at.Before(known) {
			first[name] = at
		}
	}
	return slices.SortedFunc(maps.Values(first), time.Time.Compare)
}

// createdAt is when a Workflow or Job was made: its record may be later.
func createdAt(r ledger.Record) time.Time {
	switch at := r.Details["created"].(type) {
	case time.Time:
		return at
	case string: // read back from a file
		if parsed, err := time.Parse(time.RFC3339Nano, at); err == nil {
			return parsed
		}
	}
	return r.Time
}

// orderFailure finds two messages of which the one published later was earlier at the hop.
func (v *view) orderFailure(hop string) (f *Failure, never bool) {
	type arrival struct {
		key string
		at  time.Time
	}
	var came []arrival
	for _, key := range v.keys { // in the order of publication
		if times := v.arrivals(key, hop); len(times) > 0 {
			came = append(came, arrival{key, times[0]})
		}
	}
	f = &Failure{Hop: hop, Expected: "the events at " + hop + " in the order in which they were published"}
	if len(came) < 2 && len(v.keys) > 1 {
		f.Got = fmt.Sprintf("%d of %d events came there", len(came), len(v.keys))
		return f, false
	}
	for i := 1; i < len(came); i++ {
		if came[i].at.Before(came[i-1].at) {
			f.Got = fmt.Sprintf("%s came there %.3fs before %s, which was published earlier", came[i].key, came[i-1].at.Sub(came[i].at).Seconds(), came[i-1].key)
			f.Next = "Argo Events makes one Workflow per event and promises no order: serialise in the handler, or with a mutex in the WorkflowTemplate"
			return f, true
		}
	}
	return nil, false
}

// latencyFailure finds the event that took longest to the hop, when that is too long.
func (v *view) latencyFailure(hop string, bound time.Duration) (f *Failure, never bool) {
	var longest time.Duration
	var slowest string
	for _, key := range v.keys {
		published := v.arrivals(key, string(ledger.Published))
		times := v.arrivals(key, hop)
		if len(published) == 0 || len(times) == 0 {
			continue
		}
		if took := times[len(times)-1].Sub(published[0]); slowest == "" || took > longest {
			longest, slowest = took, key
		}
	}
	f = &Failure{Hop: hop, Expected: fmt.Sprintf("every event at %s within %s", hop, bound)}
	switch {
	case slowest == "":
		f.Got = "no event came there"
		return f, false
	case longest > bound:
		f.Got = fmt.Sprintf("%s took %s", slowest, longest.Round(time.Millisecond))
		f.Next = "the timeline shows at which hop the time went"
		return f, true
	}
	return nil, false
}
