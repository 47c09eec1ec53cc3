package evaluate

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Source is one event of an EventSource.
type Source struct {
	Namespace, Name, Event string
	Type                   string // amqp, webhook, resource, ...; empty where the manifests do not define it
	Bus                    string // the EventBus that it publishes to, in its namespace
	Defined                bool   // false: only a dependency or --source names it

	event pipeline.Event
}

// String is NAMESPACE/NAME/EVENT, as --source takes it.
func (s *Source) String() string { return s.Namespace + "/" + s.Name + "/" + s.Event }

func (s *Source) at() string {
	if !s.Defined {
		return ""
	}
	return place(s.event.Source.Object, s.event.Path)
}

// Found is where an event comes from, and how that is known.
type Found struct {
	Sources []*Source
	How     string // by --source, by exchange and routing key, ...
	Tried   bool   // it is not known: every event of every EventSource is tried
	Note    string // what does not fit
}

// sourcesOf lists the events of the graph's EventSources, and those that dependencies name in a namespace without any.
func sourcesOf(graph *pipeline.Graph) []*Source {
	var all []*Source
	seen := map[string]bool{}
	for _, event := range graph.Events() {
		s := &Source{Namespace: event.Namespace, Name: event.SourceName, Event: event.Name, Type: event.Type,
			Bus: cmp.Or(event.Source.Typed.Spec.EventBusName, "default"), Defined: true, event: event}
		if !seen[s.String()] {
			seen[s.String()] = true
			all = append(all, s)
		}
	}
	// A part of the manifests may be given that has Sensors only: then their dependencies tell what EventSources there are.
	defined := map[string]bool{}
	for _, s := range all {
		defined[s.Namespace] = true
	}
	for _, sensor := range graph.Sensors() {
		if defined[sensor.GetNamespace()] {
			continue
		}
		for _, d := range sensor.Typed.Spec.Dependencies {
			s := &Source{Namespace: sensor.GetNamespace(), Name: d.EventSourceName, Event: d.EventName, Bus: busOf(sensor)}
			if !seen[s.String()] && !strings.ContainsAny(s.Name+s.Event, globMarks) {
				seen[s.String()] = true
				all = append(all, s)
			}
		}
	}
	return all
}

// named is the source of that name, or one that nothing defines.
func (e *Evaluator) named(namespace, name, event string) *Source {
	for _, s := range e.sources {
		if s.Namespace == namespace && s.Name == name && s.Event == event {
			return s
		}
	}
	return &Source{Namespace: namespace, Name: name, Event: event, Bus: "default"}
}

// find says where an event comes from: --source, what the recording says, exchange and routing key, what the notification
// says of its publisher, else every source is tried.
func (e *Evaluator) find(event message.Event) Found {
	if e.source != nil {
		found := Found{Sources: []*Source{e.source}, How: "given by --source"}
		if !e.source.Defined {
			found.Note = fmt.Sprintf("no EventSource of the manifests defines %s%s", e.source, e.nearestTo(e.source.String()))
		}
		return found
	}
	if event.Source != "" {
		found := Found{How: "as is given", Sources: e.where(func(s *Source) bool { return strings.HasSuffix("/"+s.String(), "/"+event.Source) })}
		if len(found.Sources) == 0 {
			found.Note = fmt.Sprintf("no EventSource of the manifests defines %s%s", event.Source, e.nearestTo(event.Source))
		}
		return found
	}
	if event.SourceName != "" && event.EventName != "" {
		if hits := e.where(func(s *Source) bool { return s.Name == event.SourceName && s.Event == event.EventName }); len(hits) > 0 {
			return Found{Sources: hits, How: "by the CloudEvent's source and subject"}
		}
	}
	if event.Exchange != "" && event.RoutingKey != "" {
		how := fmt.Sprintf("by exchange %s and routing key %s", event.Exchange, event.RoutingKey)
		if hits := e.where(func(s *Source) bool { return s.takes(event.VHost, event.Exchange, event.RoutingKey) }); len(hits) > 0 {
			return Found{Sources: hits, How: how}
		}
		// EventSources that the manifests leave out may take it; those that are there do not.
		absent := e.where(func(s *Source) bool { return !s.Defined })
		note := fmt.Sprintf("no EventSource of the manifests takes exchange %s with routing key %s%s", event.Exchange, event.RoutingKey, e.routes())
		return Found{Sources: absent, How: how, Tried: len(absent) > 0, Note: note}
	}
	if hits, how := e.passedBy(event); len(hits) > 0 {
		return Found{Sources: hits, How: how}
	} else if event.SourceType == "resource" {
		return Found{How: how, Note: "no EventSource of the manifests watches it"}
	}
	if service := serviceOf(event.PublisherID, event.EventType); service != "" {
		hits := e.where(func(s *Source) bool { return s.Defined && s.serves(service) })
		if len(hits) == 0 {
			hits = e.where(func(s *Source) bool { return s.serves(service) })
		}
		if len(hits) > 0 {
			return Found{Sources: hits, How: fmt.Sprintf("by publisher_id %q and event_type", event.PublisherID)}
		}
	}
	return Found{Sources: e.sources, How: "not known", Tried: true}
}

func (e *Evaluator) where(fits func(*Source) bool) []*Source {
	var hits []*Source
	for _, s := range e.sources {
		if fits(s) {
			hits = append(hits, s)
		}
	}
	return hits
}

// passedBy finds the sources of a kind that passes on data of this shape.
func (e *Evaluator) passedBy(event message.Event) (hits []*Source, how string) {
	switch {
	case event.SourceType != "" && (event.SourceType != "resource" || resourceOf(event.Passed).Resource == ""):
		return e.where(func(s *Source) bool { return s.Defined && s.Type == event.SourceType }), "by the CloudEvent's type " + event.SourceType
	case event.Passed == nil:
		return nil, ""
	case event.Headers != nil:
		return e.where(func(s *Source) bool { return s.Defined && s.Type == "webhook" }), "by the shape of a webhook's data"
	}
	resource := resourceOf(event.Passed)
	if resource.Resource == "" {
		return nil, ""
	}
	namespace := resource.namespace() // empty where the recording was cut down to what matters
	return e.where(func(s *Source) bool {
		r := s.event.Resource
		return r != nil && r.Resource == resource.Resource && r.Version == resource.Version && r.Group == resource.Group &&
			(r.Namespace == "" || namespace == "" || r.Namespace == namespace)
	}), "by the resource " + resource.Resource
}

// takes says whether an AMQP source's queue gets what is sent there.
func (s *Source) takes(vhost, exchange, key string) bool {
	a := s.event.AMQP
	if a == nil || a.ExchangeName != exchange {
		return false
	}
	if own, known := vhostOf(a.URL); vhost != "" && known && own != vhost {
		return false
	}
	switch strings.ToLower(a.ExchangeType) {
	case "fanout", "headers":
		return true
	case "topic":
		return topicMatch(strings.Split(a.RoutingKey, "."), strings.Split(key, "."))
	}
	return a.RoutingKey == key
}

// topicMatch is AMQP 0-9-1's: * stands for one word, # for any number.
func topicMatch(pattern, key []string) bool {
	if len(pattern) == 0 {
		return len(key) == 0
	}
	if pattern[0] == "#" {
		return topicMatch(pattern[1:], key) || len(key) > 0 && topicMatch(pattern, key[1:])
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && topicMatch(pattern[1:], key[1:])
}

// vhostOf reads the virtual host out of an AMQP URL; a URL without a path is the default one.
func vhostOf(address string) (string, bool) {
	if address == "" {
		return "", false
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	if parsed.Path == "" || parsed.Path == "/" {
		return "/", true
	}
	return strings.TrimPrefix(parsed.Path, "/"), true
}

// families tell a service by the first part of an event type, as the services at OpenStack 2025 name them.
var families = map[string]string{
	"identity": "keystone", "baremetal": "ironic", "hardware": "ironic", "ironic": "ironic",
	"compute": "nova", "instance": "nova", "scheduler": "nova", "keypair": "nova", "aggregate": "nova", "servergroup": "nova", "server_group": "nova",
	"network": "neutron", "subnet": "neutron", "subnetpool": "neutron", "port": "neutron", "router": "neutron", "floatingip": "neutron",
	"security_group": "neutron", "security_group_rule": "neutron", "trunk": "neutron", "network_segment_range": "neutron", "segment": "neutron",
	"volume": "cinder", "volume_type": "cinder", "volume_type_project": "cinder", "volume_type_extra_specs": "cinder", "snapshot": "cinder", "backup": "cinder",
	"group": "cinder", "group_snapshot": "cinder", "qos_specs": "cinder", "image": "glance",
}

// publishers tell a service by the part of publisher_id before the host, for event types that several may have.
var publishers = map[string]string{
	"identity": "keystone", "ironic-conductor": "ironic", "ironic-api": "ironic", "compute": "nova", "nova-compute": "nova", "nova-api": "nova",
	"api": "nova", "conductor": "nova", "network": "neutron", "volume": "cinder", "snapshot": "cinder", "backup": "cinder", "image": "glance",
}

func serviceOf(publisher, eventType string) string {
	if publisher == "" || eventType == "" {
		return ""
	}
	family, _, _ := strings.Cut(eventType, ".")
	if service := families[family]; service != "" {
		return service
	}
	sender, _, _ := strings.Cut(publisher, ".")
	sender, _, _ = strings.Cut(sender, ":")
	return publishers[sender]
}

// serves says whether a source listens to what a service sends to its notification topic.
func (s *Source) serves(service string) bool {
	a := s.event.AMQP
	if a == nil {
		return !s.Defined && strings.Contains(s.Name, service)
	}
	if vhost, known := vhostOf(a.URL); known && vhost != "/" {
		return vhost == service
	}
	// One virtual host for all: cinder and glance send to oslo's default exchange.
	return a.ExchangeName == service || a.ExchangeName == "openstack" && (service == "cinder" || service == "glance")
}

// routes names what AMQP EventSources there are.
func (e *Evaluator) routes() string {
	var all []string
	for _, s := range e.sources {
		if a := s.event.AMQP; a != nil {
			all = append(all, a.ExchangeName+" "+a.RoutingKey)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return "; they take: " + strings.Join(slices.Compact(all), ", ")
}

// nearestTo names the defined source whose name is closest, as the end of a sentence.
func (e *Evaluator) nearestTo(name string) string {
	var all []string
	for _, s := range e.sources {
		if s.Defined {
			all = append(all, s.String())
		}
	}
	if near := nearest.Names(name, all, 1); len(near) > 0 {
		return "; the nearest is " + near[0]
	}
	return ""
}
