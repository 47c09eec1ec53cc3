// Package admin is the administration side of a simulator, under /_eventrig/: load a world, reset, look at the state
// and the journal, set faults. In: requests from the simulator's own machine. Out: JSON.
//
//	POST   /_eventrig/world    a world as YAML; loaded on top of what is there, wholly or not at all
//	POST   /_eventrig/reset    empties store, journal and faults
//	GET    /_eventrig/state    the store
//	GET    /_eventrig/journal  the journal; ?since=N for the entries after sequence N
//	GET, POST, DELETE /_eventrig/faults
package admin

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// Prefix is the path under which administration lies.
const Prefix = "/_eventrig/"

// Simulator is what can be administered.
type Simulator interface {
	Load(world *worlds.World) error
	Reset()
	State() map[string][]map[string]any
	Journal() *journal.Journal
	Faults() *faults.Set
}

// Handler serves the administration of s and passes every other request to next.
func Handler(s Simulator, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"world", func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<20))
		if err != nil {
			answerError(w, http.StatusBadRequest, err)
			return
		}
		world, err := worlds.Parse("request", data)
		if err == nil {
			err = s.Load(world)
		}
		if err != nil {
			answerError(w, http.StatusBadRequest, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST "+Prefix+"reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+Prefix+"state", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, s.State())
	})
	mux.HandleFunc("GET "+Prefix+"journal", func(w http.ResponseWriter, r *http.Request) {
		since := 0
		if text := r.URL.Query().Get("since"); text != "" {
			var err error
			if since, err = strconv.Atoi(text); err != nil {
				answerError(w, http.StatusBadRequest, err)
				return
			}
		}
		entries := []journal.Entry{}
		for _, entry := range s.Journal().Entries() {
			if entry.Sequence > since {
				entries = append(entries, entry)
			}
		}
		answer(w, http.StatusOK, entries)
	})
	mux.HandleFunc("GET "+Prefix+"faults", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, s.Faults().Rules())
	})
	mux.HandleFunc("POST "+Prefix+"faults", func(w http.ResponseWriter, r *http.Request) {
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		var rule faults.Rule
		err := decoder.Decode(&rule)
		if err == nil {
			err = s.Faults().Add(rule)
		}
		if err != nil {
			answerError(w, http.StatusBadRequest, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE "+Prefix+"faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Faults().Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) < len(Prefix) || r.URL.Path[:len(Prefix)] != Prefix {
			next.ServeHTTP(w, r)
			return
		}
		if !local(r) {
			answer(w, http.StatusForbidden, map[string]string{"error": "administration is open to the simulator's own machine only"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// local says whether a request comes from the simulator's own machine: from loopback, or from the very address that
// it was sent to. A pod under test has another address and must not reach the administration.
func local(r *http.Request) bool {
	source, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		// A transport without addresses, such as a Unix socket or a test recorder, does not leave the machine.
		return true
	}
	if source.Addr().Unmap().IsLoopback() {
		return true
	}
	address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	target, err := netip.ParseAddrPort(address.String())
	return err == nil && target.Addr().Unmap() == source.Addr().Unmap()
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // only the client's going away can fail it
}

func answerError(w http.ResponseWriter, status int, err error) {
	body := map[string]string{"error": err.Error()}
	if hint := failure.Hint(err); hint != "" {
		body["hint"] = hint
	}
	answer(w, status, body)
}
