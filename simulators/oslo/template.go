package oslo

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
)

// Template makes notifications of one event type.
type Template struct {
	Name        string // SERVICE/EVENT_TYPE, with @VARIANT where there is one
	Description string
	Service     string
	VHost       string
	Exchange    string
	Topic       string
	Quality     Quality
	Source      string // what the payload's shape is known from: a file of the real project, a captured message

	publisherID, eventType, priority string

	expand   func() (payload, context map[string]any, err error) // both with marks left in
	prepared func() (map[string]any, error)                      // the whole notification with its marks parsed, made once
}

// Options says what a notification is to be like.
type Options struct {
	Random *rand.Rand     // identifiers are drawn from it, nil is true randomness
	Now    time.Time      // zero is the present
	Set    map[string]any // path -> value; a Literal is a value from a command line
	Remove []string       // paths to take out, after Set; each must be there
}

// NewRandom returns the source of identifiers that a --seed stands for.
func NewRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6f736c6f)) }

// Build makes one notification.
func (t Template) Build(options Options) (Notification, Route, error) { return t.build(options, nil) }

// build makes one notification; payload, where given, replaces what the template has.
func (t Template) build(options Options, payload func(map[string]any) (map[string]any, error)) (Notification, Route, error) {
	f := filler{now: options.Now, eventType: t.eventType}
	if f.now.IsZero() {
		f.now = time.Now()
	}
	f.draw = drawFrom(options.Random)
	parsed, err := t.prepared()
	if err != nil {
		return Notification{}, Route{}, fmt.Errorf("make %s: %w", t.Name, err)
	}
	document := f.fill(parsed).(map[string]any) // an object stays one
	if payload != nil {
		if document["payload"], err = payload(document["payload"].(map[string]any)); err != nil {
			return Notification{}, Route{}, failure.New(failure.BadInput, "", "make %s: %w", t.Name, err)
		}
	}
	n, err := edit(document, options)
	if err != nil {
		return Notification{}, Route{}, fmt.Errorf("make %s: %w", t.Name, err)
	}
	if n.removed["priority"] {
		n.Priority = t.priority // it decides the routing key also where the message does not tell it
	}
	return n, t.route(n), nil
}

// prepare expands the definition. Several hundred event types are known, and a run makes few of them.
func (t *Template) prepare() (map[string]any, error) {
	payload, context, err := t.expand()
	if err != nil {
		return nil, err
	}
	raw := map[string]any{
		"message_id": "<uuid:message_id>", "publisher_id": t.publisherID, "event_type": t.eventType, "priority": t.priority,
		"payload": payload, "timestamp": "<time:oslo>", "_unique_id": "<hex:_unique_id>",
	}
	for key, value := range context {
		raw[contextPrefix+key] = value
	}
	parsed, err := parseMarks(raw)
	if err != nil {
		return nil, err
	}
	return parsed.(map[string]any), nil // an object stays one
}

// shared returns how many of the payload's keys the template's payload has.
func (t *Template) shared(payload map[string]any) int {
	prepared, err := t.prepared()
	if err != nil {
		return 0
	}
	known, _ := prepared["payload"].(map[string]any)
	count := 0
	for key := range payload {
		if has(known, key) {
			count++
		}
	}
	return count
}

func (t *Template) route(n Notification) Route {
	return Route{VHost: t.VHost, Exchange: t.Exchange, RoutingKey: t.Topic + "." + strings.ToLower(n.Priority)}
}

func drawFrom(random *rand.Rand) [2]uint64 {
	if random != nil {
		return [2]uint64{random.Uint64(), random.Uint64()}
	}
	var buffer [16]byte
	_, _ = cryptorand.Read(buffer[:]) // never fails: crypto/rand ends the process instead
	return [2]uint64{binary.BigEndian.Uint64(buffer[:]), binary.BigEndian.Uint64(buffer[8:])}
}

// edit applies what a test wants changed. The document is changed in place.
func edit(document map[string]any, options Options) (Notification, error) {
	for _, name := range slices.Sorted(maps.Keys(options.Set)) { // a path before those below it
		keys, err := splitPath(name)
		if err != nil {
			return Notification{}, err
		}
		if top := keys[0]; !has(document, top) && !strings.HasPrefix(top, contextPrefix) && !slices.Contains(fields, top) {
			return Notification{}, failure.New(failure.BadInput, "fields of the service are below payload",
				"set %s: a notification has no field %q; nearest: %s", name, top, strings.Join(nearest.Names(top, fields, 2), ", "))
		}
		if _, err := setAt(document, keys, options.Set[name]); err != nil {
			return Notification{}, failure.New(failure.BadInput, "", "set %s: %w", name, err)
		}
	}
	for _, name := range options.Remove {
		keys, err := splitPath(name)
		if err != nil {
			return Notification{}, err
		}
		if _, ok := removeAt(document, keys); !ok {
			return Notification{}, failure.New(failure.BadInput, "eventrig publish --dry-run shows the notification",
				"remove %s: there is nothing at that path", name)
		}
	}
	return fromDocument(document)
}
