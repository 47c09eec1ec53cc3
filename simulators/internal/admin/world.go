package admin

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/eventrig/eventrig/fixtures/worlds"
)

// maxWorld bounds a world that is sent.
const maxWorld = 64 << 20

func (h *handler) worldNames(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, map[string]any{"worlds": worlds.Names()})
	return nil
}

func (h *handler) addWorld(w http.ResponseWriter, r *http.Request) error {
	world, err := readWorld(w, r)
	if err == nil {
		err = h.simulator.Load(world)
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// replaceWorld begins anew with a world. One that the simulator refuses changes nothing.
func (h *handler) replaceWorld(w http.ResponseWriter, r *http.Request) error {
	world, err := readWorld(w, r)
	if err != nil {
		return err
	}
	if err := h.simulator.Replace(world); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readWorld reads the world that a request names or holds.
func readWorld(w http.ResponseWriter, r *http.Request) (*worlds.World, error) {
	data, err := body(w, r, maxWorld)
	if err != nil {
		return nil, err
	}
	name := r.URL.Query().Get("name")
	given := len(bytes.TrimSpace(data)) > 0
	switch {
	case name != "" && given:
		return nil, bad("send one of them", "the request has a name and a body")
	case name != "" && !slices.Contains(worlds.Names(), name):
		// Not worlds.Open for any name: it would read files of this machine.
		return nil, bad("see: "+Prefix+"world; a file of your own goes into the body", "no world is named %q", name)
	case name != "":
		return worlds.Open(name)
	case !given:
		return nil, bad("send YAML, or ?name=NAME", "the request has no world")
	}
	return worlds.Parse("request", data)
}
