package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// Event is a notification that a service is about to send.
type Event struct {
	Name    string         // SERVICE/EVENT_TYPE of oslo's catalogue
	Payload map[string]any // the whole payload; or
	Object  map[string]any // the fields of a versioned object; or
	Set     map[string]any // what in the catalogue's payload is otherwise, by path
	Caller  *Caller        // who asked for it; nil: the service itself, such as a conductor
	Host    string         // of the publisher, after its service; empty: the catalogue's
}

// Caller is who made a request.
type Caller struct {
	UserID, UserName, UserDomainID, UserDomainName             string
	ProjectID, ProjectName, ProjectDomainID, ProjectDomainName string
	DomainID                                                   string // of a token that is for a domain
	Roles                                                      []string
}

// Message is a notification on its way to RabbitMQ.
type Message struct {
	Time       time.Time      `json:"time"`
	MessageID  string         `json:"messageID"`
	EventType  string         `json:"eventType"`
	Priority   string         `json:"priority"`
	RequestID  string         `json:"requestID,omitempty"` // of the request that caused it
	VHost      string         `json:"vhost"`
	Exchange   string         `json:"exchange"`
	RoutingKey string         `json:"routingKey"`
	Payload    map[string]any `json:"payload"`
	Body       []byte         `json:"-"` // as oslo.messaging sends it
}

// Sent is a notification in the journal of notifications.
type Sent struct {
	Message
	Published bool   `json:"published"`       // the broker has confirmed it
	Error     string `json:"error,omitempty"` // why it has not (yet) been published
}

// How long a service waits between attempts to reach its broker. As with oslo.messaging the attempts have no end.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Notifier composes notifications, keeps them all, and publishes them in order, each service's through a queue of its
// own, so that neither a slow broker nor a service without a virtual host delays an answer or another service.
type Notifier struct {
	cloud     *Cloud
	catalogue func() (*oslo.Catalogue, error)
	ctx       context.Context
	cancel    context.CancelFunc

	mu      sync.Mutex
	random  *rand.Rand
	sent    []*Sent
	waiting map[string][]*Sent // by vhost
	active  map[string]bool    // vhosts whose messages are being published
	open    int                // not yet published
	idle    chan struct{}      // closed when open becomes 0
}

func newNotifier(c *Cloud) *Notifier {
	n := &Notifier{cloud: c, catalogue: oslo.Default, waiting: map[string][]*Sent{}, active: map[string]bool{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.random = oslo.NewRandom(c.config.Seed)
	return n
}

type notifyKey struct{}

// Notifying marks a change that the services tell by notifications: every request over HTTP, and what a caller from Go
// wants told.
func Notifying(ctx context.Context) context.Context {
	return context.WithValue(ctx, notifyKey{}, true)
}

// Detached is a context for work that goes on after the request: it notifies as the request's does.
func Detached(ctx context.Context) context.Context {
	detached := context.WithValue(context.Background(), requestKey{}, requestID(ctx))
	if notifies(ctx) {
		detached = Notifying(detached)
	}
	return detached
}

type requestKey struct{}

func notifies(ctx context.Context) bool {
	is, _ := ctx.Value(notifyKey{}).(bool)
	return is && !quiet(ctx)
}

func requestID(ctx context.Context) string {
	if id := journal.RequestID(ctx); id != "" {
		return id
	}
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Notify sends an event after those before it, and returns at once. The caller changes the cloud exclusively, which
// gives the order. An event type that the catalogue lacks is noted in the request's journal entry and not sent.
func (c *Cloud) Notify(ctx context.Context, event Event) {
	if !notifies(ctx) {
		return
	}
	sent, err := c.Notifier.compose(ctx, event)
	if err != nil {
		journal.Note(ctx, "no notification: "+err.Error())
		c.config.Log("no notification: %v", err)
		return
	}
	journal.Note(ctx, "notification "+sent.EventType+" "+sent.MessageID)
	if collected, ok := ctx.Value(collectKey{}).(*[]Message); ok {
		*collected = append(*collected, sent.Message)
		c.Notifier.record(sent)
		return
	}
	if c.config.Told != nil {
		c.config.Told(sent.Message)
	}
	c.Notifier.enqueue(sent)
}

type collectKey struct{}

// Collecting makes the changes that are done with a context put their notifications into a list, for the caller to send;
// they are journalled as what was not published here.
func Collecting(ctx context.Context, into *[]Message) context.Context {
	return Notifying(context.WithValue(ctx, collectKey{}, into))
}

func (n *Notifier) record(sent *Sent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, sent)
}

func (n *Notifier) compose(ctx context.Context, event Event) (*Sent, error) {
	catalogue, err := n.catalogue()
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.cloud.Now()
	options := oslo.Options{Random: n.random, Now: now, Set: event.Set}
	var made oslo.Notification
	var route oslo.Route
	switch {
	case event.Payload != nil:
		made, route, err = catalogue.Compose(event.Name, event.Payload, options)
	case event.Object != nil:
		made, route, err = catalogue.ComposeObject(event.Name, event.Object, options)
	default:
		var template oslo.Template
		if template, err = catalogue.Lookup(event.Name); err == nil {
			made, route, err = template.Build(options)
		}
	}
	if err != nil {
		return nil, err
	}
	id := requestID(ctx)
	setContext(made.Context, event.Caller, id)
	if event.Host != "" {
		service, _, _ := strings.Cut(made.PublisherID, ".")
		made.PublisherID = service + "." + event.Host
	}
	body, err := made.Body(oslo.MessagingV2)
	if err != nil {
		return nil, err
	}
	return &Sent{Message: Message{
		Time: now, MessageID: made.MessageID, EventType: made.EventType, Priority: made.Priority, RequestID: id,
		VHost: route.VHost, Exchange: route.Exchange, RoutingKey: route.RoutingKey, Payload: made.Payload, Body: body,
	}}, nil
}

// setContext writes who asked into the keys of the context that the service sends.
func setContext(of map[string]any, caller *Caller, id string) {
	set := func(key string, value any) {
		if _, has := of[key]; has {
			of[key] = value
		}
	}
	if id != "" {
		set("request_id", "req-"+id)
	}
	if caller == nil {
		return
	}
	roles := []any{}
	for _, role := range caller.Roles {
		roles = append(roles, role)
	}
	for key, value := range map[string]any{
		"user": caller.UserID, "user_id": caller.UserID, "user_name": caller.UserName, "user_domain": caller.UserDomainID,
		"project": caller.ProjectID, "project_id": caller.ProjectID, "tenant": caller.ProjectID, "tenant_id": caller.ProjectID,
		"project_name": caller.ProjectName, "tenant_name": caller.ProjectName, "project_domain": caller.ProjectDomainID,
		"roles":         roles,
		"user_identity": fmt.Sprintf("%s %s - %s %s", caller.UserID, caller.ProjectID, caller.UserDomainID, caller.ProjectDomainID),
	} {
		set(key, value)
	}
}

func (n *Notifier) enqueue(sent *Sent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, sent)
	if n.cloud.config.Publish == nil {
		return
	}
	if n.open == 0 {
		n.idle = make(chan struct{})
	}
	n.open++
	n.waiting[sent.VHost] = append(n.waiting[sent.VHost], sent)
	if !n.active[sent.VHost] {
		n.active[sent.VHost] = true
		go n.publish(sent.VHost)
	}
}

// publish sends what waits for a virtual host, and ends when nothing does.
func (n *Notifier) publish(vhost string) {
	for {
		n.mu.Lock()
		if len(n.waiting[vhost]) == 0 {
			n.active[vhost] = false
			n.mu.Unlock()
			return
		}
		next := n.waiting[vhost][0]
		n.waiting[vhost] = n.waiting[vhost][1:]
		n.mu.Unlock()
		if !n.attempt(next) {
			return
		}
	}
}

// attempt publishes one message, however long that takes. It returns false when the notifier was closed before.
func (n *Notifier) attempt(sent *Sent) bool {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := n.cloud.config.Publish(n.ctx, sent.Message)
		n.mu.Lock()
		if err == nil {
			sent.Published, sent.Error = true, ""
			if n.open--; n.open == 0 {
				close(n.idle)
			}
			n.mu.Unlock()
			return true
		}
		first := sent.Error == ""
		sent.Error = err.Error()
		n.mu.Unlock()
		if n.ctx.Err() != nil {
			return false
		}
		if first {
			n.cloud.config.Log("publish %s to %s: %v; trying again until it goes", sent.EventType, sent.VHost, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-n.ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// Sent returns every notification so far, in order.
func (n *Notifier) Sent() []Sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]Sent, len(n.sent))
	for i, sent := range n.sent {
		all[i] = *sent
	}
	return all
}

// Flush waits until the broker has confirmed every notification so far.
func (n *Notifier) Flush(ctx context.Context) error {
	n.mu.Lock()
	idle, open := n.idle, n.open
	var missing []string
	for _, sent := range n.sent {
		if !sent.Published && n.cloud.config.Publish != nil {
			missing = append(missing, sent.EventType)
		}
	}
	n.mu.Unlock()
	if open == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		slices.Sort(missing)
		return fmt.Errorf("wait until the broker has taken %d notifications (%s): %w", open, strings.Join(slices.Compact(missing), ", "), ctx.Err())
	}
}

// reset forgets the journal; what waits for the broker is still sent.
func (n *Notifier) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = nil
	n.random = oslo.NewRandom(n.cloud.config.Seed)
}

func (n *Notifier) close() { n.cancel() }
