package oslo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// Compose makes a notification of an event type of the catalogue whose payload is the caller's own. Envelope, publisher,
// context, priority and route are those of the event type; Options.Set and Options.Remove work on the result, for example
// to name the caller in _context_user_id. The payload is taken as it is (marks in it stay text) and is not kept. A name
// that the catalogue lacks is failure.BadInput and names the nearest.
//
// It is what a simulated service publishes with when something of its own changed: neutron's network.create.end has the
// payload {"network": {...}} that the API's answer had.
func (c *Catalogue) Compose(name string, payload map[string]any, options Options) (Notification, Route, error) {
	return c.compose(name, options, func(map[string]any) (map[string]any, error) {
		copied, err := normalise(payload)
		if err != nil {
			return nil, err
		}
		object, ok := copied.(map[string]any)
		if !ok {
			return nil, failure.New(failure.BadInput, "", "no payload")
		}
		return object, nil
	})
}

// ComposeObject is Compose for event types whose payload is a versioned object (ironic's, and nova's versioned ones). The
// caller gives the fields of a resource, for example a node as the API shows it. The object has exactly the fields of its
// version, as the real service's schema sees to: fields that the caller gave and the version has are taken over, those
// that it lacks are left out, and what the caller did not give is as in the catalogue. An event type without a versioned
// object is failure.BadInput.
func (c *Catalogue) ComposeObject(name string, fields map[string]any, options Options) (Notification, Route, error) {
	return c.compose(name, options, func(payload map[string]any) (map[string]any, error) {
		data := objectData(payload)
		if data == nil {
			return nil, failure.New(failure.BadInput, "use Compose, with the whole payload", "the payload is no versioned object")
		}
		for _, key := range slices.Sorted(maps.Keys(data)) {
			given, ok := fields[key]
			if !ok {
				continue
			}
			value, err := normalise(given)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", key, err)
			}
			data[key] = value
		}
		return payload, nil
	})
}

func (c *Catalogue) compose(name string, options Options, payload func(map[string]any) (map[string]any, error)) (Notification, Route, error) {
	template, err := c.Lookup(name)
	if err != nil {
		return Notification{}, Route{}, err
	}
	return template.build(options, payload)
}

// objectData returns the fields of the versioned object that a payload is, nil where it is none. The library
// oslo.versionedobjects prefixes the keys with the service's own OBJ_SERIAL_NAMESPACE: ironic_object, nova_object.
func objectData(payload map[string]any) map[string]any {
	for key, value := range payload {
		if strings.HasSuffix(key, "_object.data") {
			data, _ := value.(map[string]any)
			return data
		}
	}
	return nil
}
