package oslo

import (
	"bytes"
	cryptorand "crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eventrig/eventrig/fixtures/notifications"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
)

// Catalogue holds the notifications that can be made, by SERVICE/EVENT_TYPE.
type Catalogue struct{ templates map[string]Template }

// Template makes notifications of one event type.
type Template struct {
	Name        string // SERVICE/EVENT_TYPE, with @VARIANT where there is one
	Description string
	Service     string
	VHost       string
	Exchange    string
	Topic       string

	publisherID, eventType, priority string
	payload                          map[string]any
	context                          map[string]any
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

// Default returns the catalogue of the notifications in fixtures/notifications.
var Default = sync.OnceValues(func() (*Catalogue, error) { return NewCatalogue(notifications.FS) })

// entry is a file of the catalogue.
type entry struct {
	Description string         `json:"description"`
	VHost       string         `json:"vhost"`
	Exchange    string         `json:"exchange"`
	Topic       string         `json:"topic"`
	PublisherID string         `json:"publisher_id"`
	EventType   string         `json:"event_type"`
	Priority    string         `json:"priority"`
	Payload     map[string]any `json:"payload"`
	Context     map[string]any `json:"context"`
}

// NewCatalogue reads a catalogue: SERVICE/EVENT_TYPE.json, as described in package fixtures/notifications.
func NewCatalogue(files fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(files, "*/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the notifications: %w", err)
	}
	c := &Catalogue{templates: map[string]Template{}}
	for _, file := range names {
		data, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, fmt.Errorf("read the notification: %w", err)
		}
		template, err := readEntry(strings.TrimSuffix(file, ".json"), data)
		if err != nil {
			return nil, fmt.Errorf("read the notification %s: %w", file, err)
		}
		c.templates[template.Name] = template
	}
	return c, nil
}

func readEntry(name string, data []byte) (Template, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	var e entry
	if err := decoder.Decode(&e); err != nil {
		return Template{}, failure.New(failure.BadInput, "see fixtures/notifications for the fields", "%w", err)
	}
	service, event := path.Split(name)
	event, _, _ = strings.Cut(event, "@")
	switch {
	case e.VHost == "" || e.Exchange == "" || e.Topic == "" || e.PublisherID == "" || e.Priority == "":
		return Template{}, failure.New(failure.BadInput, "", "vhost, exchange, topic, publisher_id and priority must be given")
	case e.EventType != event:
		return Template{}, failure.New(failure.BadInput, "", "event_type %q does not fit the file's name", e.EventType)
	case e.Payload == nil:
		return Template{}, failure.New(failure.BadInput, "", "no payload")
	}
	return Template{
		Name: name, Description: e.Description, Service: strings.TrimSuffix(service, "/"), VHost: e.VHost, Exchange: e.Exchange,
		Topic: e.Topic, publisherID: e.PublisherID, eventType: e.EventType, priority: e.Priority, payload: e.Payload, context: e.Context,
	}, nil
}

// Names returns every SERVICE/EVENT_TYPE, sorted.
func (c *Catalogue) Names() []string { return slices.Sorted(maps.Keys(c.templates)) }

// Lookup finds a template by SERVICE/EVENT_TYPE; the error of an unknown one names the nearest.
func (c *Catalogue) Lookup(name string) (Template, error) {
	if template, ok := c.templates[name]; ok {
		return template, nil
	}
	return Template{}, failure.New(failure.BadInput, "eventrig publish --list shows all",
		"no notification %q; nearest: %s", name, strings.Join(nearest.Names(name, c.Names(), 3), ", "))
}

// Route returns where a service sends a notification of this priority; several topics of a service are told apart by the
// event types that the catalogue knows.
func (c *Catalogue) Route(service string, n Notification) (Route, error) {
	var of []Template
	for _, name := range c.Names() {
		template := c.templates[name]
		if template.Service != service && service != "" {
			continue
		}
		if template.eventType == n.EventType {
			return template.route(n), nil
		}
		if template.Service == service || family(template.eventType) == family(n.EventType) {
			of = append(of, template)
		}
	}
	if len(of) == 0 {
		return Route{}, failure.New(failure.BadInput, "name the service, for example keystone",
			"cannot tell which service (of %q) sends event type %q", service, n.EventType)
	}
	return of[0].route(n), nil
}

// family is the first part of an event type, which is a service's own: identity, baremetal, compute.
func family(eventType string) string { first, _, _ := strings.Cut(eventType, "."); return first }

func (t Template) route(n Notification) Route {
	return Route{VHost: t.VHost, Exchange: t.Exchange, RoutingKey: t.Topic + "." + strings.ToLower(n.Priority)}
}

// Build makes one notification.
func (t Template) Build(options Options) (Notification, Route, error) { return t.build(options, nil) }

// build makes one notification; payload, where given, replaces what the template has.
func (t Template) build(options Options, payload func(map[string]any) (map[string]any, error)) (Notification, Route, error) {
	f := filler{now: options.Now}
	if f.now.IsZero() {
		f.now = time.Now()
	}
	f.draw = drawFrom(options.Random)
	document, err := t.document(f)
	if err != nil {
		return Notification{}, Route{}, fmt.Errorf("make %s: %w", t.Name, err)
	}
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

func (t Template) document(f filler) (map[string]any, error) {
	raw := map[string]any{
		"message_id": "<uuid:message_id>", "publisher_id": t.publisherID, "event_type": t.eventType, "priority": t.priority,
		"payload": t.payload, "timestamp": "<time:oslo>", "_unique_id": "<hex:_unique_id>",
	}
	for key, value := range t.context {
		raw[contextPrefix+key] = value
	}
	filled, err := f.fill(raw)
	if err != nil {
		return nil, err
	}
	return filled.(map[string]any), nil // fill keeps the type
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
