package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/faults"
)

// maxFaults bounds the rules that are sent.
const maxFaults = 1 << 20

func (h *handler) faults(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, h.simulator.Faults().States())
	return nil
}

// addFaults takes a rule or a list of rules, and answers with them as they are in force.
func (h *handler) addFaults(w http.ResponseWriter, r *http.Request) error {
	data, err := body(w, r, maxFaults)
	if err != nil {
		return err
	}
	var rules []faults.Rule
	many := bytes.HasPrefix(bytes.TrimSpace(data), []byte("["))
	if many {
		err = decodeRules(data, &rules)
	} else {
		rules = make([]faults.Rule, 1)
		err = decodeRules(data, &rules[0])
	}
	if err != nil {
		return err
	}
	ids, err := h.simulator.Faults().AddAll(rules)
	if err != nil {
		return err
	}
	states := h.simulator.Faults().States()
	states = slices.DeleteFunc(states, func(s faults.State) bool { return !slices.Contains(ids, s.ID) })
	if many || len(states) != 1 { // another request may have removed it again
		answer(w, http.StatusCreated, states)
	} else {
		answer(w, http.StatusCreated, states[0])
	}
	return nil
}

// decodeRules reads JSON strictly: a misspelt condition would make a rule that hits everything.
func decodeRules(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		// encoding/json has no type for this error.
		if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			return bad("nearest is "+nearest.Names(strings.Trim(name, `"`), ruleFields, 1)[0], "a fault has no field %s", name)
		}
		return bad("", "read fault: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad("several faults are a list", "there is more after the fault")
	}
	return nil
}

// ruleFields are the names of a rule's fields.
var ruleFields = func() (names []string) {
	for field := range reflect.TypeFor[faults.Rule]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

func (h *handler) clearFaults(w http.ResponseWriter, _ *http.Request) error {
	h.simulator.Faults().Clear()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handler) fault(w http.ResponseWriter, r *http.Request) error {
	for _, state := range h.simulator.Faults().States() {
		if state.ID == r.PathValue("id") {
			answer(w, http.StatusOK, state)
			return nil
		}
	}
	return h.noFault(r.PathValue("id"), faults.ErrUnknown)
}

func (h *handler) removeFault(w http.ResponseWriter, r *http.Request) error {
	if err := h.simulator.Faults().Remove(r.PathValue("id")); err != nil {
		return h.noFault(r.PathValue("id"), err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handler) noFault(id string, err error) error {
	var ids []string
	for _, state := range h.simulator.Faults().States() {
		ids = append(ids, state.ID)
	}
	hint := "there is none"
	if len(ids) > 0 {
		hint = "nearest is " + nearest.Names(id, ids, 1)[0]
	}
	return &refusal{http.StatusNotFound, err, hint}
}
