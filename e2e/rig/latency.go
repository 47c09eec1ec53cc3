package rig

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/random"
)

// Percentile is a latency in seconds.
type Percentile struct {
	P50     float64 `json:"p50Seconds"`
	P99     float64 `json:"p99Seconds"`
	Samples int     `json:"samples"` // how many messages
}

// MeasureLatencies publishes keystone's identity.project.created, one message after the other, each when the one before
// is settled, and returns the time from the publish to each hop.
func (r *Rig) MeasureLatencies(ctx context.Context, messages int) (map[string]Percentile, error) {
	samples := map[string][]float64{}
	for range messages {
		id := random.Hex(16)
		create := scenario.OpenStackChange{Create: "project", ID: id, Set: map[string]any{"name": "bench-" + id[:8], "domain_id": "default"}}
		if _, err := r.ChangeOpenStack(ctx, create); err != nil {
			return nil, fmt.Errorf("create project: %w", err)
		}
		began := time.Now()
		published, err := r.Publish(ctx, scenario.Publish{Event: "keystone/identity.project.created", Set: map[string]any{"payload.target.id": id}})
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		keys, err := r.waitSettled(ctx, published)
		if err != nil {
			return nil, err
		}
		for hop, seconds := range hops(r.ledger.Of(keys...), began) {
			samples[hop] = append(samples[hop], seconds)
		}
	}
	latencies := map[string]Percentile{}
	for hop, values := range samples {
		latencies[hop] = percentile(values)
	}
	if _, ran := latencies["workflow Succeeded"]; !ran {
		return nil, failure.New(failure.Check, "see what eventrig test says", "no Workflow succeeded for any of %d messages", messages)
	}
	return latencies, nil
}

// hops are the seconds from the publish to the first record of each hop; a Workflow's phases count one by one.
func hops(records []ledger.Record, published time.Time) map[string]float64 {
	first := map[string]float64{}
	for _, record := range records {
		name := string(record.Hop)
		if record.Hop == ledger.Workflow {
			// Before its controller has seen it a Workflow has no phase.
			name += " " + cmp.Or(record.Verdict, "created")
		}
		if record.Hop == ledger.Published {
			continue
		}
		if seconds := record.Time.Sub(published).Seconds(); first[name] == 0 || seconds < first[name] {
			first[name] = seconds
		}
	}
	return first
}

// percentile takes the nearest-rank percentiles of samples in seconds.
func percentile(samples []float64) Percentile {
	if len(samples) == 0 {
		return Percentile{}
	}
	sorted := slices.Clone(samples)
	slices.Sort(sorted)
	rank := func(p float64) float64 { return sorted[int(math.Ceil(p*float64(len(sorted))))-1] }
	return Percentile{P50: rank(0.50), P99: rank(0.99), Samples: len(sorted)}
}
