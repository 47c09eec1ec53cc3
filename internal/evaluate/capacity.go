package evaluate

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// capacity is the most that an EventBus takes of one event.
type capacity struct {
	bytes   int
	written string // as its configuration has it
	field   string // of the EventBus, that says so or may
}

// unlimited is a bus whose server someone else configures.
var unlimited = capacity{bytes: math.MaxInt}

// capacitiesOf reads what the EventBuses of the graph take, by namespace/name.
func capacitiesOf(graph *pipeline.Graph) map[string]capacity {
	all := map[string]capacity{}
	for _, bus := range graph.EventBuses() {
		spec := bus.Typed.Spec
		limit := unlimited
		switch {
		case spec.NATS != nil && spec.NATS.Native != nil:
			limit = capacityOf(spec.NATS.Native.MaxPayload, aev1.STANMaxPayload, "spec.nats.native.maxPayload")
		case spec.JetStream != nil:
			limit = capacityOf(spec.JetStream.MaxPayload, aev1.JetStreamMaxPayload, "spec.jetstream.maxPayload")
		}
		all[bus.GetNamespace()+"/"+bus.GetName()] = limit
	}
	return all
}

func capacityOf(given *string, otherwise, field string) capacity {
	written := otherwise
	if given != nil {
		written = *given
	}
	return capacity{natsSize(written), written, field}
}

// capacity is what the EventBus of a source takes: where the manifests have none, what argo-events configures by default.
func (e *Evaluator) capacity(source *Source) capacity {
	if limit, known := e.capacities[source.Namespace+"/"+source.Bus]; known {
		return limit
	}
	return capacityOf(nil, aev1.STANMaxPayload, "maxPayload")
}

var sizeText = regexp.MustCompile(`^(\d+)\s*([kmgtpe]?)(b|i|ib)?$`)

// natsSize reads a size as nats-server's configuration does (conf/lex.go, conf/parse.go): k is a thousand, kb and ki are 1024.
// What it does not read is no limit.
func natsSize(text string) int {
	parts := sizeText.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if parts == nil || parts[2] == "" && parts[3] != "" {
		return math.MaxInt
	}
	size, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return math.MaxInt
	}
	base := 1000.0
	if parts[3] != "" {
		base = 1024
	}
	if size *= math.Pow(base, float64(strings.Index(" kmgtpe", parts[2]))); size >= math.MaxInt {
		return math.MaxInt
	}
	return int(size)
}

// refused says why the bus does not take the event; nil where it does. What the client adds to the event is not counted: a few
// dozen bytes below the limit an event is refused by the server that is let through here.
func (c capacity) refused(a *arrival) error {
	const envelope = 4 << 10 // more than a CloudEvent has around its data
	if len(a.event.Data()) < c.bytes-envelope {
		return nil
	}
	whole, err := a.event.MarshalJSON()
	if err != nil || len(whole) <= c.bytes {
		return nil // what cannot be written fails elsewhere
	}
	return dropped{
		fmt.Sprintf("the event has %d bytes, and EventBus %s takes %s at most: the EventSource logs the bus's refusal, and the message is lost", len(whole), a.source.Bus, c.written),
		fmt.Sprintf("raise %s of EventBus %s/%s, or have the publisher send less", c.field, a.source.Namespace, a.source.Bus),
	}
}
