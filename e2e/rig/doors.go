package rig

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/eventrig/eventrig/internal/failure"
)

// door is where pods find a simulator: a listener in the sandbox that can be closed, so that connections are refused as they
// are where a service is gone, and opened again.
type door struct {
	name    string // of the simulator, as scenarios call it
	listen  func() (net.Listener, error)
	handler http.Handler

	mu     sync.Mutex
	server *http.Server // nil while nobody listens
}

// open listens, unless it does so already.
func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		return nil
	}
	listener, err := d.listen()
	if err != nil {
		return fmt.Errorf("listen for simulated %s: %w", d.name, err)
	}
	server := &http.Server{Handler: d.handler, ErrorLog: log.New(discard{}, "", 0)}
	d.server = server
	go func() { _ = server.Serve(listener) }() // ends with shut
	return nil
}

// shut ends every connection and refuses new ones.
func (d *door) shut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		return nil
	}
	err := d.server.Close()
	d.server = nil
	if err != nil {
		return fmt.Errorf("stop simulated %s: %w", d.name, err)
	}
	return nil
}

// discard drops what net/http says of broken connections: the journals hold the requests.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// refuse has nothing listen where a simulator does.
func (r *Rig) refuse(name string) (func(context.Context) error, error) {
	for _, d := range r.doors {
		if d.name == name {
			return func(context.Context) error { return d.open() }, d.shut()
		}
	}
	return nil, failure.New(failure.BadInput, "", "there is no simulator %q", name)
}
