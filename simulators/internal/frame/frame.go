// Package frame is what every simulator has around its service: a journal, faults, and the administration. In: the
// service's own handler. Out: the handler that is served.
package frame

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/internal/admin"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// Frame is embedded by a simulator. The zero value has no journal: use New.
type Frame struct {
	handler http.Handler
	journal *journal.Journal
	faults  *faults.Set
}

// New makes a frame with an empty journal and no faults.
func New() Frame { return Frame{journal: journal.New(), faults: &faults.Set{}} }

// Mount puts the frame around a service. Name is for the index of the administration; write is how the service words the
// errors that a fault rule asks for.
func (f *Frame) Mount(s admin.Simulator, name string, service http.Handler, write faults.ErrorWriter) {
	f.handler = admin.Handler(s, journal.Handler(f.journal, faults.Handler(f.faults, service, faults.WithErrors(write))), admin.Named(name))
}

// ServeHTTP implements http.Handler.
func (f *Frame) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

// Journal is what was asked and changed.
func (f *Frame) Journal() *journal.Journal { return f.journal }

// Faults are the faults in force.
func (f *Frame) Faults() *faults.Set { return f.faults }

// Forget empties the journal and removes all faults.
func (f *Frame) Forget() {
	f.journal.Reset()
	f.faults.Clear()
}
