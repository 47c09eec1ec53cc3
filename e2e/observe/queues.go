package observe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eventrig/eventrig/internal/figures"
)

// queueSeparator stands between virtual host and queue in a route's name.
const queueSeparator = " "

// directRoute begins the name of a route without a queue: a call of a webhook, an object that is watched. No virtual host is
// called so.
const directRoute = "direct: "

// Queue is a queue that an EventSource declares by name and consumes.
type Queue struct {
	VHost, Name string
	EventSource string // namespace/name
}

// Queues returns the named queues of all EventSources. One whose virtual host cannot be told at the moment, because it is
// in a Secret that cannot be read, is left out.
func (o *Observer) Queues() []Queue {
	sources := o.eventSources()
	var queues []Queue
	for _, source := range sources {
		for _, name := range sortedNames(source.Spec.AMQP) {
			amqp := source.Spec.AMQP[name]
			if amqp.QueueDeclare == nil || amqp.QueueDeclare.Name == "" {
				continue
			}
			if vhost, err := o.vhost(source, &amqp); err == nil {
				queues = append(queues, Queue{vhost, amqp.QueueDeclare.Name, source.Namespace + "/" + source.Name})
			}
		}
	}
	return queues
}

// depths is what RabbitMQ said last of the queues in which messages wait. It decides nothing: it tells a message that
// nobody has taken from one that was taken and got lost.
type depths struct {
	said   map[string]string // by route
	asking bool
}

const (
	// depthsAgain is how long what RabbitMQ said of a queue holds, for as long as somebody waits for a message in it.
	depthsAgain = time.Second
	// depthTimeout bounds one question to RabbitMQ.
	depthTimeout = 5 * time.Second
)

// depth returns what is known of a queue that a message waits in, for the end of a sentence, and has it asked for anew. The
// caller holds the lock.
func (o *Observer) depth(route string) string {
	vhost, name, named := strings.Cut(route, queueSeparator)
	if o.cfg.Queue == nil || !named || strings.HasPrefix(route, directRoute) {
		return ""
	}
	if !o.depths.asking {
		o.depths.asking = true
		go o.askDepth(route, vhost, name)
	}
	return o.depths.said[route]
}

func (o *Observer) askDepth(route, vhost, name string) {
	ctx, cancel := context.WithTimeout(o.ctx, depthTimeout)
	defer cancel()
	messages, consumers, err := o.cfg.Queue(ctx, vhost, name)
	text := fmt.Sprintf("; queue %s/%s has %s ready and %s", vhost, name, count(messages, "message"), count(consumers, "consumer"))
	switch {
	case err != nil:
		text = fmt.Sprintf("; RabbitMQ does not tell of queue %s/%s: %v", vhost, name, err)
	case messages == 0 && consumers > 0:
		text += ": what was in it has been taken"
	}
	o.mu.Lock()
	if o.depths.said == nil {
		o.depths.said = map[string]string{}
	}
	changed := o.depths.said[route] != text
	o.depths.said[route] = text
	o.mu.Unlock()
	if changed {
		o.touch()
	}
	// RabbitMQ tells nobody when a queue changes; whoever still waits asks again.
	again := time.NewTimer(depthsAgain)
	defer again.Stop()
	select {
	case <-again.C:
	case <-o.ctx.Done():
	}
	o.mu.Lock()
	o.depths.asking = false
	o.mu.Unlock()
	o.touch()
}

func count(n int, of string) string {
	if n == 0 {
		return "no " + of
	}
	return figures.Of(n, of)
}
