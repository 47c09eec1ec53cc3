package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
)

// maxChanges bounds how many differences are tried one by one: each costs an evaluation of all Sensors.
const maxChanges = 400

// difference is a value that two events do not share.
type difference struct {
	Path  string          `json:"path"` // in the notification, or the body; exchange, routing key, vhost or envelope in brackets
	Event json.RawMessage `json:"event,omitempty"`
	Other json.RawMessage `json:"other,omitempty"`

	keys []string // of a value in the document; nil for what is around it
}

// differs says that the other event has another verdict at a dependency, and what decides that.
type differs struct {
	Other   string           `json:"other"` // FILE:LINE of the other event
	Verdict evaluate.Verdict `json:"verdict"`
	Decides []difference     `json:"decides"` // with only these the event has the other's verdict
}

// comparison is the event of --diff, with what the Sensors do with it.
type comparison struct {
	evaluator *evaluate.Evaluator
	other     message.Event
	results   []evaluate.Result
}

// compared is one event held against that one.
type compared struct {
	other    message.Event
	changes  []difference
	deciding map[string]*differs // by keyOf
}

type comparedAll []*compared

// compare reads the event of --diff; it returns nil without one.
func (f *flags) compare(evaluator *evaluate.Evaluator, stdin io.Reader) (*comparison, error) {
	if f.diff == "" {
		return nil, nil
	}
	if f.diff == message.Stdin && slices.Contains(f.events, message.Stdin) {
		return nil, failure.New(failure.BadInput, "put one of the two into a file", "--event and --diff: standard input can be read only once")
	}
	events, err := f.read([]string{f.diff}, stdin)
	if err != nil {
		return nil, err
	}
	others, err := message.All(events)
	if err != nil {
		return nil, err
	}
	if len(others) != 1 {
		return nil, failure.New(failure.BadInput, "give a file with the one event to compare with", "--diff %s holds %d events", f.diff, len(others))
	}
	return &comparison{evaluator, others[0], evaluator.Run(others)}, nil
}

// with holds events against the other one, and finds what decides where the verdicts differ.
func (c *comparison) with(f *flags, results []evaluate.Result) comparedAll {
	if c == nil {
		return nil
	}
	var all comparedAll
	for i := range results {
		result := &results[i]
		one := &compared{c.other, changesBetween(result.Event, c.other), map[string]*differs{}}
		for j := range result.Outcomes {
			o := &result.Outcomes[j]
			twin := sameOutcome(&c.results[0], o)
			if twin == nil || twin.Verdict == o.Verdict || !f.shown(o) {
				continue
			}
			one.deciding[keyOf(o)] = &differs{Other: c.other.Place(), Verdict: twin.Verdict,
				Decides: deciding(c.evaluator, result.Event, c.other, one.changes, o, twin.Verdict)}
		}
		all = append(all, one)
	}
	return all
}

// of is nil without --diff.
func (all comparedAll) of(event int) *compared {
	if all == nil {
		return nil
	}
	return all[event]
}

// decided says what decides at a dependency, nil where the verdicts are the same.
func (c *compared) decided(o *evaluate.Outcome) *differs {
	if c == nil {
		return nil
	}
	return c.deciding[keyOf(o)]
}

func keyOf(o *evaluate.Outcome) string { return o.Name() + "#" + strconv.Itoa(o.Index) }

func sameOutcome(result *evaluate.Result, o *evaluate.Outcome) *evaluate.Outcome {
	for i := range result.Outcomes {
		if keyOf(&result.Outcomes[i]) == keyOf(o) {
			return &result.Outcomes[i]
		}
	}
	return nil
}

// deciding finds the fewest differences that give the event the other's verdict: one, or those of all that cannot be left out.
func deciding(evaluator *evaluate.Evaluator, event, other message.Event, changes []difference, o *evaluate.Outcome, wanted evaluate.Verdict) []difference {
	reaches := func(set []difference) bool {
		changed, err := with(event, other, set)
		if err != nil {
			return false
		}
		result := evaluator.Event(changed)
		twin := sameOutcome(&result, o)
		return twin != nil && twin.Verdict == wanted
	}
	if len(changes) > maxChanges {
		return []difference{}
	}
	for _, one := range changes {
		if reaches([]difference{one}) {
			return []difference{one}
		}
	}
	if !reaches(changes) {
		return []difference{}
	}
	needed := slices.Clone(changes)
	for i := len(needed) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(needed), i, i+1)
		if reaches(without) {
			needed = without
		}
	}
	return needed
}

// document is what of an event is compared value by value: the notification, else all that the EventSource passed on, else
// the body.
func document(event message.Event) []byte {
	switch {
	case event.Notification != nil:
		return event.Notification
	case event.Passed != nil:
		return event.Passed
	}
	return event.Data
}

// changesBetween lists what differs, in the order of the paths.
func changesBetween(event, other message.Event) []difference {
	var all []difference
	around := func(name, a, b string) {
		if a != b && (a != "" && b != "" || name == "envelope") {
			all = append(all, difference{Path: "(" + name + ")", Event: encode(a), Other: encode(b)})
		}
	}
	around("vhost", event.VHost, other.VHost)
	around("exchange", event.Exchange, other.Exchange)
	around("routing key", event.RoutingKey, other.RoutingKey)
	if (event.Notification != nil) == (other.Notification != nil) {
		around("envelope", envelopeOf(event), envelopeOf(other))
	}
	a, errA := decode(document(event))
	b, errB := decode(document(other))
	if errA != nil || errB != nil {
		if !bytes.Equal(document(event), document(other)) {
			all = append(all, difference{Path: "(body)", Event: encode(string(document(event))), Other: encode(string(document(other)))})
		}
		return all
	}
	walk(a, b, nil, &all)
	return all
}

func envelopeOf(event message.Event) string {
	if event.Content == message.Envelope {
		return "oslo.messaging 2.0"
	}
	return "none"
}

func decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

func encode(value any) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return json.RawMessage("null") // what was decoded can be encoded
	}
	return bytes.TrimSpace(text.Bytes())
}

// absent stands for a value that only the other event has.
type absent struct{}

func walk(a, b any, keys []string, all *[]difference) {
	left, leftObject := a.(map[string]any)
	right, rightObject := b.(map[string]any)
	if leftObject && rightObject {
		names := slices.Collect(maps.Keys(left))
		for name := range right {
			if _, both := left[name]; !both {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			x, y := any(absent{}), any(absent{})
			if value, ok := left[name]; ok {
				x = value
			}
			if value, ok := right[name]; ok {
				y = value
			}
			walk(x, y, append(slices.Clip(keys), name), all)
		}
		return
	}
	one := difference{keys: keys}
	escaped := make([]string, len(keys))
	for i, key := range keys {
		escaped[i] = gjson.Escape(key)
	}
	one.Path = strings.Join(escaped, ".")
	if _, missing := a.(absent); !missing {
		one.Event = encode(a)
	}
	if _, missing := b.(absent); !missing {
		one.Other = encode(b)
	}
	if !bytes.Equal(one.Event, one.Other) {
		*all = append(*all, one)
	}
}

// with makes the event that takes these values from the other one.
func with(event, other message.Event, set []difference) (message.Event, error) {
	document, err := decode(document(event))
	if err != nil {
		if len(set) > 0 && set[0].Path == "(body)" {
			return other, nil
		}
		return event, fmt.Errorf("read the event: %w", err)
	}
	enveloped := event.Content == message.Envelope
	for _, one := range set {
		switch one.Path {
		case "(vhost)":
			event.VHost = other.VHost
		case "(exchange)":
			event.Exchange = other.Exchange
		case "(routing key)":
			event.RoutingKey = other.RoutingKey
		case "(envelope)":
			enveloped = other.Content == message.Envelope
		}
		if one.keys != nil {
			put(document, one.keys, one.Other)
		}
	}
	text := encode(document)
	if event.Notification == nil {
		if event.Passed != nil {
			event.Passed = text
		} else {
			event.Data = text
		}
		return event, nil
	}
	event.Notification, event.Passed, event.Data, event.Content = text, nil, text, message.Notification
	if enveloped {
		event.Data, event.Content = encode(map[string]string{"oslo.version": "2.0", "oslo.message": string(text)}), message.Envelope
	}
	event.EventType, event.PublisherID = gjson.GetBytes(text, "event_type").String(), gjson.GetBytes(text, "publisher_id").String()
	return event, nil
}

// put sets or takes away a value.
func put(document any, keys []string, value json.RawMessage) {
	at, ok := document.(map[string]any)
	for _, key := range keys[:max(len(keys)-1, 0)] {
		if !ok {
			return
		}
		at, ok = at[key].(map[string]any)
	}
	if !ok || len(keys) == 0 {
		return
	}
	last := keys[len(keys)-1]
	if value == nil {
		delete(at, last)
		return
	}
	if decoded, err := decode(value); err == nil {
		at[last] = decoded
	}
}
