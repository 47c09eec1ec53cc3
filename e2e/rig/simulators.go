package rig

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/authority"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
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
	}
	journal interface {
		Entries() []nautobot.Entry
		Open() []nautobot.Entry
		Subscribe() (<-chan nautobot.Entry, func())
	}
}

// simulators are all that the rig serves, once makeSimulators has made them.
func (r *Rig) simulators() []simulator {
	return []simulator{
		{"nautobot", nautobotPort, false, r.nautobot, r.nautobot.Journal()},
		{"openstack", openstackPort, false, r.openstack, r.openstack.Journal()},
		{"ontap", ontapPort, true, r.ontap, r.ontap.Journal()},
		{"undersync", undersyncPort, false, r.undersync, r.undersync.Journal()},
	}
}

// makeSimulators makes the services at the pipelines' ends, before anything runs that asks for their journals.
func (r *Rig) makeSimulators() (err error) {
	if r.authority, err = authority.New("eventrig rig " + r.options.Name); err != nil {
		return err
	}
	r.nautobot = nautobot.New(nautobot.Config{})
	r.openstack = openstack.New(openstack.Config{})
	r.ontap = ontap.New(ontap.Config{})
	r.undersync = undersync.New(undersync.Config{})
	// So that a notification sent to a rig that is just up finds a project to be about; a scenario loads its own.
	if err := r.loadWorld(defaultWorld); err != nil {
		return fmt.Errorf("load world %s: %w", defaultWorld, err)
	}
	return nil
}

// startSimulators serves them from this process on the sandbox's own network, so that pods reach them and the journals see
// the pods' addresses.
func (r *Rig) startSimulators() (err error) {
	defer r.watch.phase("simulators")(&err)
	secured, err := r.authority.Server("eventrig simulators", ontapHost, embedded.NodeAddress, "localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	for _, served := range r.simulators() {
		listener, err := r.sandbox.Listen("tcp", net.JoinHostPort(embedded.NodeAddress, strconv.Itoa(served.port)))
		if err != nil {
			return fmt.Errorf("listen for simulated %s: %w", served.name, err)
		}
		if served.secure {
			listener = tls.NewListener(listener, secured)
		}
		server := &http.Server{Handler: served.handler, ErrorLog: log.New(discard{}, "", 0)}
		go func() { _ = server.Serve(listener) }() // ends with Close
		r.onClose(server.Close)
	}
	return nil
}

// discard drops what net/http says of broken connections: the journals hold the requests.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// request is a journal's entry as the observer takes it.
func request(to string, entry nautobot.Entry) observe.Request {
	converted := observe.Request{
		Sequence: entry.Sequence, Time: entry.Time, To: to, Source: entry.Source, Method: entry.Method,
		Path: entry.Path, Query: entry.Query, Status: entry.Status,
	}
	for _, change := range entry.Changes {
		converted.Changes = append(converted.Changes, observe.Change{
			Path: change.Path, ID: change.ID, Before: change.Before, After: change.After,
		})
	}
	return converted
}

// journals is everything that the simulators were asked: what they answered, and what still waits for an answer.
func (r *Rig) journals() (answered, open []observe.Request) {
	for _, one := range r.simulators() {
		for _, entry := range one.journal.Entries() {
			answered = append(answered, request(one.name, entry))
		}
		for _, entry := range one.journal.Open() {
			open = append(open, request(one.name, entry))
		}
	}
	return answered, open
}

// observeRequests passes the simulators' journals on to the observer as they grow, until the rig is closed.
func (r *Rig) observeRequests() {
	for _, one := range r.simulators() {
		entries, stop := one.journal.Subscribe()
		go func() {
			for entry := range entries {
				r.observer.Request(request(one.name, entry))
			}
		}()
		r.onClose(func() error { stop(); return nil })
	}
}

// loadWorld puts a world's records into the simulators.
func (r *Rig) loadWorld(name string) error {
	world, err := worlds.Open(name)
	if err != nil {
		return err
	}
	var all []error
	for _, one := range r.simulators() {
		all = append(all, one.handler.Load(world))
	}
	return errors.Join(all...)
}

// Records implements scenario.Rig.
func (r *Rig) Records(_ context.Context, simulator, path string, where map[string]any) ([]map[string]any, error) {
	switch simulator {
	case "nautobot":
		if err := r.nautobot.Check(path); err != nil {
			return nil, failure.New(failure.BadInput, "", "%w", err)
		}
		return r.nautobot.Records(path, where), nil
	case "openstack":
		return r.openstack.Records(path, where), nil
	case "ontap":
		if err := r.ontap.Check(path); err != nil {
			return nil, failure.New(failure.BadInput, "", "%w", err)
		}
		return r.ontap.Records(path, where), nil
	case "undersync":
		if err := r.undersync.Check(path); err != nil {
			return nil, failure.New(failure.BadInput, "", "%w", err)
		}
		return r.undersync.Records(path, where), nil
	default:
		return nil, failure.New(failure.BadInput, "use nautobot, openstack, ontap or undersync", "there is no simulator %q", simulator)
	}
}

// ChangeOpenStack implements scenario.Rig: it does what a user of the cloud would do. A domain is a project that acts as
// one, as in Keystone.
func (r *Rig) ChangeOpenStack(_ context.Context, change scenario.OpenStackChange) error {
	var err error
	switch {
	case change.Create == "domain":
		_, err = r.openstack.CreateDomain(text(change.Set, "name"), change.ID)
	case change.Create != "" && change.Set["is_domain"] == true:
		_, err = r.openstack.CreateDomain(text(change.Set, "name"), change.ID)
	case change.Create != "":
		var id string
		id, err = r.openstack.CreateProject(text(change.Set, "domain_id"), text(change.Set, "name"), change.ID)
		if rest := without(change.Set, "name", "domain_id"); err == nil && len(rest) > 0 {
			err = r.openstack.UpdateProject(id, rest)
		}
	case change.Update != "":
		err = r.openstack.UpdateProject(change.ID, change.Set)
	case change.Delete != "":
		err = r.openstack.DeleteProject(change.ID)
	default:
		return failure.New(failure.BadInput, "give create, update or delete", "an openstack step says nothing")
	}
	if err != nil {
		return failure.New(failure.BadInput, "", "change the simulated OpenStack: %w", err)
	}
	return nil
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
