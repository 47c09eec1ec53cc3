package rig

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/authority"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/openstack"
)

const nautobotToken = nautobot.DefaultToken

// defaultWorld is what the simulators of a new rig hold.
const defaultWorld = "one-domain"

// simulator is a simulated service as the rig serves it.
type simulator struct {
	name    string // as scenarios call it
	port    int
	secure  bool // over TLS
	handler interface {
		http.Handler
		Load(*worlds.World) error
		Reset()
	}
	journal interface {
		Entries() []nautobot.Entry
		Since(sequence int) (entries []nautobot.Entry, missed int)
		Open() []nautobot.Entry
		Subscribe() (<-chan nautobot.Entry, func())
	}
	faults interface {
		Add(nautobot.Fault) error
		Clear()
	}
}

// makeSimulators makes the services at the pipelines' ends, before anything runs that asks for their journals.
func (r *Rig) makeSimulators() (err error) {
	if r.authority, err = authority.New("eventrig rig " + r.options.Name); err != nil {
		return err
	}
	// So that a notification sent to a rig that is just up finds a project to be about; a scenario has its own.
	if r.own, err = r.newSpace("", []string{defaultWorld}); err == nil {
		r.onClose(r.own.openstack.Close)
	}
	return err
}

// startSimulators serves them from this process on the sandbox's own network, so that pods reach them and the journals see
// the pods' addresses.
func (r *Rig) startSimulators() (err error) {
	defer r.watch.phase("simulators")(&err)
	secured, err := r.authority.Server("eventrig simulators", ontapHost, embedded.NodeAddress, "localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	for i, served := range r.own.simulators() {
		d := &door{name: served.name, handler: r.dispatch(func(s *space) http.Handler { return s.simulators()[i].handler })}
		d.listen = func() (net.Listener, error) {
			listener, err := r.sandbox.Listen("tcp", net.JoinHostPort(embedded.NodeAddress, strconv.Itoa(served.port)))
			if err == nil && served.secure {
				listener = tls.NewListener(listener, secured)
			}
			return listener, err
		}
		if err := d.open(); err != nil {
			return err
		}
		r.doors = append(r.doors, d)
		r.onClose(d.shut)
	}
	return nil
}

// request is a journal's entry as the observer takes it.
func request(journal, to string, entry nautobot.Entry) observe.Request {
	converted := observe.Request{
		Journal: journal, Sequence: entry.Sequence, Time: entry.Time, To: to, Source: entry.Source, Method: entry.Method,
		Path: entry.Path, Query: entry.Query, Body: entry.RequestBody, Status: entry.Status,
	}
	for _, change := range entry.Changes {
		converted.Changes = append(converted.Changes, observe.Change{
			Path: change.Path, ID: change.ID, Before: change.Before, After: change.After,
		})
	}
	return converted
}

// journals is what the simulators answered since it was called last, and what still waits for an answer.
func (r *Rig) journals() (answered, open []observe.Request) {
	for _, s := range r.spaces.all(r.own) {
		answered, open = s.journals(answered, open)
	}
	return answered, open
}

// observeRequests passes the journals of the rig's own simulators on to the observer as they grow, until the rig is closed.
func (r *Rig) observeRequests() {
	stop := r.own.observe()
	r.onClose(func() error { stop(); return nil })
}

// LoadWorlds makes the rig's own simulators forget what they hold and start with the named worlds.
func (r *Rig) LoadWorlds(_ context.Context, names []string) error {
	for _, one := range r.own.simulators() {
		one.handler.Reset()
	}
	return r.own.load(names)
}

// Records returns the records of one of the rig's own simulators.
func (r *Rig) Records(ctx context.Context, simulator, path string, where map[string]any) ([]map[string]any, error) {
	return r.own.Records(ctx, simulator, path, where)
}

// ChangeOpenStack changes the rig's own OpenStack.
func (r *Rig) ChangeOpenStack(ctx context.Context, change scenario.OpenStackChange) ([]scenario.Message, error) {
	return r.own.ChangeOpenStack(ctx, change)
}

// ChangeOpenStack implements scenario.Stores: it does what the cloud's administrator would do. Unlike a request over HTTP it
// tells nobody, unless the step wants that: a publish step says then what is published.
func (s *space) ChangeOpenStack(ctx context.Context, change scenario.OpenStackChange) ([]scenario.Message, error) {
	var told []openstack.Message
	if change.Notify {
		ctx = openstack.Collecting(ctx, &told)
	}
	if err := s.change(ctx, change); err != nil {
		return nil, failure.New(failure.BadInput, failure.Hint(err), "change the simulated OpenStack: %w", err)
	}
	var messages []scenario.Message
	for _, one := range told {
		messages = append(messages, s.message(published(one)))
	}
	return messages, nil
}

// change makes a change. Projects and domains are made from Go: a domain is a project that acts as one, as in Keystone,
// and it may be deleted without being disabled before.
func (s *space) change(ctx context.Context, change scenario.OpenStackChange) error {
	domain := change.Create == "domain" || change.Create == "domains" || (change.Create == "project" && change.Set["is_domain"] == true)
	plain := change.Status == 0
	switch {
	case plain && domain:
		_, err := s.openstack.CreateDomainContext(ctx, text(change.Set, "name"), change.ID)
		return err
	case plain && (change.Create == "project" || change.Create == "projects"):
		id, err := s.openstack.CreateProjectContext(ctx, text(change.Set, "domain_id"), text(change.Set, "name"), change.ID)
		if rest := without(change.Set, "name", "domain_id"); err == nil && len(rest) > 0 {
			// One step of a user: what is set beside the name belongs to the creation.
			err = s.openstack.UpdateProject(id, rest)
		}
		return err
	case plain && slices.Contains([]string{"project", "projects", "domain", "domains"}, change.Update):
		return s.openstack.UpdateProjectContext(ctx, change.ID, change.Set)
	case plain && slices.Contains([]string{"project", "projects", "domain", "domains"}, change.Delete):
		return s.openstack.DeleteProjectContext(ctx, change.ID)
	}
	do := openstack.Do{ID: change.ID, Action: change.Do, Set: change.Set, Status: change.Status, Project: change.Project}
	for operation, path := range map[openstack.Operation]string{
		openstack.OpCreate: change.Create, openstack.OpUpdate: change.Update, openstack.OpDelete: change.Delete,
		openstack.OpAction: change.Action, openstack.OpCall: change.Call,
	} {
		if path != "" {
			do.Operation, do.Path = operation, path
		}
	}
	if do.Operation == "" {
		return failure.New(failure.BadInput, "give create, update, delete, action or call", "an openstack step says nothing")
	}
	if do.Operation != openstack.OpCall {
		var err error
		if do.Path, err = s.openstack.CollectionPath(do.Path); err != nil {
			return err
		}
	}
	_, err := s.openstack.Do(ctx, do)
	return err
}

// published is a notification of the simulated cloud as scenarios follow it.
func published(m openstack.Message) scenario.Published {
	return scenario.Published{MessageID: m.MessageID, EventType: m.EventType, VHost: m.VHost, Exchange: m.Exchange, RoutingKey: m.RoutingKey, Body: m.Body, Time: m.Time}
}

// tell publishes what a request to the simulated cloud changed, as the real services do; the rig's RabbitMQ may still be
// about to start.
func (r *Rig) tell(ctx context.Context, m openstack.Message) error {
	r.mu.Lock()
	up := r.broker != nil
	r.mu.Unlock()
	if !up {
		return errors.New("RabbitMQ is not up yet")
	}
	return r.send(ctx, published(m))
}

func text(fields map[string]any, name string) string {
	value, _ := fields[name].(string)
	return value
}

func without(fields map[string]any, names ...string) map[string]any {
	rest := maps.Clone(fields)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}
