package oslo

import (
	"fmt"
	"regexp"

	"github.com/eventrig/eventrig/internal/failure"
)

// Coverage is how much of what a real service sends the catalogue has, for one kind of event types.
type Coverage struct {
	Count
	Exact, BestEffort int // event types of the catalogue, by the best quality that a variant of them has
}

// Coverage compares a service's notifications with what its service.yaml says of the real service. Event types that fit
// no kind there come last, under an empty kind.
func (c *Catalogue) Coverage(service string) ([]Coverage, error) {
	counts := c.services[service].Real
	kinds := make([]Coverage, len(counts), len(counts)+1)
	patterns := make([]*regexp.Regexp, len(kinds))
	for i, count := range counts {
		kinds[i].Count = count
		var err error
		if patterns[i], err = regexp.Compile(`^(?:` + count.Types + `)$`); err != nil {
			return nil, failure.New(failure.BadInput, "", "read %s/service.yaml: kind %q: %w", service, count.Kind, err)
		}
	}
	type key struct {
		kind             int
		topic, eventType string
	}
	quality := map[key]Quality{}
	for _, name := range c.names {
		t := c.templates[name]
		if t.Service != service {
			continue
		}
		at := key{len(kinds), t.Topic, t.eventType}
		for i, pattern := range patterns {
			if (kinds[i].Topic == "" || kinds[i].Topic == t.Topic) && pattern.MatchString(t.eventType) {
				at.kind = i
				break
			}
		}
		if quality[at] != Exact {
			quality[at] = t.Quality
		}
	}
	other := Coverage{}
	for at, q := range quality {
		kind := &other
		if at.kind < len(kinds) {
			kind = &kinds[at.kind]
		}
		switch q {
		case Exact:
			kind.Exact++
		case BestEffort:
			kind.BestEffort++
		default:
			return nil, fmt.Errorf("%s/%s: unknown quality %q", service, at.eventType, q)
		}
	}
	if other.Exact+other.BestEffort > 0 {
		kinds = append(kinds, other)
	}
	return kinds, nil
}
