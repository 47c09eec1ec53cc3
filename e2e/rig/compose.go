package rig

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// Compose makes the messages of a publish or a replay step without sending them. It needs no rig.
func Compose(step scenario.Step) ([]scenario.Published, error) {
	// Identifiers are never the same twice on one rig.
	return compose(step, oslo.Options{Random: oslo.NewRandom(rand.Uint64())})
}

// compose makes them with the identifiers and the time that drawn has.
func compose(step scenario.Step, drawn oslo.Options) ([]scenario.Published, error) {
	catalogue, err := oslo.Default()
	if err != nil {
		return nil, fmt.Errorf("read the catalogue of notifications: %w", err)
	}
	var messages []scenario.Published
	switch {
	case step.Replay != nil:
		for i, recorded := range step.Replay.Messages {
			made, err := replayed(catalogue, *step.Replay, recorded)
			if err != nil {
				return nil, fmt.Errorf("message %d of %s: %w", i+1, step.Replay.File, err)
			}
			messages = append(messages, made)
		}
	case step.Publish != nil:
		next, err := composed(catalogue, *step.Publish, drawn)
		if err != nil {
			return nil, err
		}
		for range max(step.Publish.Count, 1) {
			messages = append(messages, next())
		}
	}
	return messages, nil
}

// asItIs is a message whose body is not touched. One that is no notification is still a message: it has no message id.
func asItIs(body []byte) scenario.Published {
	made := scenario.Published{Body: body}
	if notification, _, err := oslo.Parse(body); err == nil {
		made.MessageID, made.EventType = notification.MessageID, notification.EventType
	}
	return made
}

// replayed routes a recorded message: as the step says, else as it was recorded, else as its service sends it.
func replayed(catalogue *oslo.Catalogue, step scenario.Replay, recorded scenario.Recorded) (scenario.Published, error) {
	made := asItIs(recorded.Body)
	made.VHost, made.Exchange = cmp.Or(step.VHost, recorded.VHost), cmp.Or(step.Exchange, recorded.Exchange)
	made.RoutingKey = cmp.Or(step.RoutingKey, recorded.RoutingKey)
	if made.VHost != "" && made.Exchange != "" && made.RoutingKey != "" {
		return made, nil
	}
	notification, _, err := oslo.Parse(recorded.Body)
	if err != nil {
		return made, fmt.Errorf("it says nothing about its route: %w", err)
	}
	route, err := catalogue.Route("", notification)
	if err != nil {
		return made, failure.New(failure.BadInput, "give the step's vhost, exchange and routing-key", "%w", err)
	}
	made.VHost, made.Exchange = cmp.Or(made.VHost, route.VHost), cmp.Or(made.Exchange, route.Exchange)
	made.RoutingKey = cmp.Or(made.RoutingKey, route.RoutingKey)
	return made, nil
}

// filled adds texts of given lengths to what is set.
func filled(set map[string]any, lengths map[string]int) map[string]any {
	if len(lengths) == 0 {
		return set
	}
	all := make(map[string]any, len(set)+len(lengths))
	maps.Copy(all, set)
	for path, length := range lengths {
		all[path] = strings.Repeat("x", length)
	}
	return all
}

// composed returns what makes the messages of a publish step: a raw body as it is, or notifications of the catalogue.
func composed(catalogue *oslo.Catalogue, step scenario.Publish, drawn oslo.Options) (next func() scenario.Published, err error) {
	if step.Raw != "" {
		made := asItIs([]byte(step.Raw))
		made.VHost, made.Exchange, made.RoutingKey = step.VHost, step.Exchange, step.RoutingKey
		if made.VHost == "" || made.Exchange == "" || made.RoutingKey == "" {
			return nil, failure.New(failure.BadInput, "a raw body says nothing about its route", "publish: raw needs vhost, exchange and routing-key")
		}
		return func() scenario.Published { return made }, nil
	}
	template, err := catalogue.Lookup(step.Event)
	if err != nil {
		return nil, err
	}
	driver := oslo.MessagingV2
	if step.Driver != "" {
		if driver, err = oslo.ParseDriver(step.Driver); err != nil {
			return nil, err
		}
	}
	drawn.Set, drawn.Remove = filled(step.Set, step.Fill), step.Remove
	series, err := template.Series(drawn, driver)
	if err != nil {
		return nil, err
	}
	return func() scenario.Published {
		made := series.Next()
		return scenario.Published{
			MessageID: made.MessageID, EventType: made.EventType, Body: made.Body,
			VHost: cmp.Or(step.VHost, made.Route.VHost), Exchange: cmp.Or(step.Exchange, made.Route.Exchange), RoutingKey: cmp.Or(step.RoutingKey, made.Route.RoutingKey),
		}
	}, nil
}
