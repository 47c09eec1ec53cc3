package oslo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/eventrig/eventrig/fixtures/notifications"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
)

// Catalogue holds the notifications that can be made, by SERVICE/EVENT_TYPE.
type Catalogue struct {
	templates map[string]*Template
	names     []string // sorted
	services  map[string]serviceFile
}

// Default returns the catalogue of the notifications in fixtures/notifications.
var Default = sync.OnceValues(func() (*Catalogue, error) { return NewCatalogue(notifications.FS) })

// entry is a file SERVICE/EVENT_TYPE.json of the catalogue: one notification, written out.
type entry struct {
	Description string         `json:"description"`
	Quality     Quality        `json:"quality"`
	Source      string         `json:"source"`
	VHost       string         `json:"vhost"`
	Exchange    string         `json:"exchange"`
	Topic       string         `json:"topic"`
	PublisherID string         `json:"publisher_id"`
	EventType   string         `json:"event_type"`
	Priority    string         `json:"priority"`
	Payload     map[string]any `json:"payload"`
	Context     map[string]any `json:"context"`
}

// NewCatalogue reads a catalogue: the definitions SERVICE/*.yaml, and SERVICE/EVENT_TYPE.json, which replaces a definition
// of the same name. Package fixtures/notifications describes both.
func NewCatalogue(files fs.FS) (*Catalogue, error) {
	c := &Catalogue{templates: map[string]*Template{}, services: map[string]serviceFile{}}
	services, err := readServices(files)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		c.services[name] = services[name].file
		templates, err := services[name].templates()
		if err != nil {
			return nil, err
		}
		for _, template := range templates {
			if c.templates[template.Name] != nil {
				return nil, failure.New(failure.BadInput, "a variant has a name of its own", "%s is defined twice", template.Name)
			}
			c.add(template)
		}
	}
	names, err := fs.Glob(files, "*/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the notifications: %w", err)
	}
	for _, file := range names {
		data, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, fmt.Errorf("read the notification: %w", err)
		}
		template, err := readEntry(strings.TrimSuffix(file, ".json"), data)
		if err != nil {
			return nil, fmt.Errorf("read the notification %s: %w", file, err)
		}
		c.add(template)
	}
	c.names = slices.Sorted(maps.Keys(c.templates))
	return c, nil
}

func (c *Catalogue) add(t *Template) {
	t.prepared = sync.OnceValues(t.prepare)
	c.templates[t.Name] = t
}

func readEntry(name string, data []byte) (*Template, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	var e entry
	if err := decoder.Decode(&e); err != nil {
		return nil, failure.New(failure.BadInput, "see fixtures/notifications for the fields", "%w", err)
	}
	service, event := path.Split(name)
	event, _, _ = strings.Cut(event, "@")
	switch {
	case e.VHost == "" || e.Exchange == "" || e.Topic == "" || e.PublisherID == "" || e.Priority == "":
		return nil, failure.New(failure.BadInput, "", "vhost, exchange, topic, publisher_id and priority must be given")
	case e.EventType != event:
		return nil, failure.New(failure.BadInput, "", "event_type %q does not fit the file's name", e.EventType)
	case e.Payload == nil:
		return nil, failure.New(failure.BadInput, "", "no payload")
	case e.Quality != "" && e.Quality != Exact && e.Quality != BestEffort:
		return nil, failure.New(failure.BadInput, "", "quality must be %q or %q, is %q", Exact, BestEffort, e.Quality)
	case e.Quality == "":
		e.Quality = BestEffort
	}
	return &Template{
		Name: name, Description: e.Description, Service: strings.TrimSuffix(service, "/"), VHost: e.VHost, Exchange: e.Exchange,
		Topic: e.Topic, Quality: e.Quality, Source: e.Source, publisherID: e.PublisherID, eventType: e.EventType, priority: e.Priority,
		expand: func() (map[string]any, map[string]any, error) { return e.Payload, e.Context, nil },
	}, nil
}

// Names returns every SERVICE/EVENT_TYPE, sorted.
func (c *Catalogue) Names() []string { return slices.Clone(c.names) }

// Services returns the services, sorted.
func (c *Catalogue) Services() []string {
	services := map[string]bool{}
	for _, template := range c.templates {
		services[template.Service] = true
	}
	return slices.Sorted(maps.Keys(services))
}

// Survey returns what an earlier count of a service's event types found, in words.
func (c *Catalogue) Survey(service string) string { return c.services[service].Survey }

// Lookup finds a template by SERVICE/EVENT_TYPE, or SERVICE/EVENT_TYPE.json; the error of an unknown one names the nearest.
func (c *Catalogue) Lookup(name string) (Template, error) {
	if template, ok := c.templates[strings.TrimSuffix(name, ".json")]; ok {
		return *template, nil
	}
	return Template{}, failure.New(failure.BadInput, "eventrig publish --list shows all",
		"no notification %q; nearest: %s", name, strings.Join(nearest.Names(name, c.names, 3), ", "))
}

// Route returns where a service (empty: any) sends a notification. The catalogue's notification of the same event type
// decides, otherwise one of the same family (identity, baremetal), otherwise any of the service; where several topics have
// the event type, the payload tells which.
func (c *Catalogue) Route(service string, n Notification) (Route, error) {
	var alike []*Template
	closest := 1
	for _, name := range c.names {
		template := c.templates[name]
		likeness := 0
		switch {
		case service != "" && template.Service != service:
		case template.eventType == n.EventType:
			likeness = 3
		case family(template.eventType) == family(n.EventType):
			likeness = 2
		case service != "":
			likeness = 1
		}
		if likeness > closest {
			alike, closest = nil, likeness
		}
		if likeness == closest {
			alike = append(alike, template)
		}
	}
	var best *Template
	most := -1
	for _, template := range alike {
		if shared := template.shared(n.Payload); shared > most {
			best, most = template, shared
		}
	}
	if best == nil {
		return Route{}, failure.New(failure.BadInput, "name the service, for example keystone",
			"cannot tell which service (of %q) sends event type %q", service, n.EventType)
	}
	return best.route(n), nil
}

// family is the first part of an event type, which is a service's own: identity, baremetal, compute.
func family(eventType string) string { first, _, _ := strings.Cut(eventType, "."); return first }
