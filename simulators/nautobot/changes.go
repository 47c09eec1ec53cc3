package nautobot

import (
	"encoding/json"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// maxObjectChanges is how many object changes are kept; the real Nautobot keeps them for CHANGELOG_RETENTION days.
const maxObjectChanges = 100_000

// snapshot is a record as it was, for an object change. It is rendered when someone asks.
type snapshot struct {
	model  *model
	record *record
}

// logChanges makes the object changes of a transaction (extras/object-changes), as signals do in Nautobot.
func (s *Server) logChanges(t *transaction, who actor) {
	m := s.store.schema.byPath["extras/object-changes"]
	now := s.timestamp()
	for _, o := range t.operations {
		if !o.model.logged || o.silent {
			continue
		}
		action, r := "update", o.after
		switch {
		case o.before == nil:
			action = "create"
		case o.after == nil:
			action, r = "delete", o.before
		}
		change := &record{id: s.newID(), values: make([]any, len(m.stored))}
		for _, f := range m.stored {
			change.values[f.at] = f.def
		}
		for name, value := range map[string]any{
			"time": now, "user_name": who.userName, "action": action, "changed_object_type": o.model.kind, "changed_object_id": r.id,
			"change_context": "orm", "object_repr": s.store.str(o.model, r), "object": &snapshot{o.model, r},
		} {
			m.set(change, name, value)
		}
		if who.userID != "" {
			m.set(change, "user", who.userID)
		}
		if who.requestID != "" {
			m.set(change, "request_id", who.requestID)
			m.set(change, "change_context", "web")
		}
		change.order = s.store.orderOf(m, change)
		t.apply(operation{model: m, after: change, silent: true})
	}
	for table := s.store.tables[m.path]; table.ordered.Len() > maxObjectChanges; {
		oldest, _ := table.ordered.Max()
		t.apply(operation{model: m, before: oldest, silent: true})
	}
}

// showObjectData shows what the changed record was, as its serializer did.
func showObjectData(s *store, b []byte, _ *view, m *model, r *record) []byte {
	switch was := m.get(r, "object").(type) {
	case *snapshot:
		return s.appendRecord(b, &view{manyAll: true}, was.model, was.record)
	case json.RawMessage:
		return append(b, was...)
	}
	return append(b, "null"...)
}

// journaled turns an operation into the journal's change.
func (s *store) journaled(o operation) journal.Change {
	change := journal.Change{Path: o.model.path}
	if o.before != nil {
		change.ID, change.Before = o.before.id, o.model.values(o.before)
	}
	if o.after != nil {
		change.ID, change.After = o.after.id, o.model.values(o.after)
	}
	return change
}

// values are a record's stored values by name. Related fields are ids, choices are values.
func (m *model) values(r *record) map[string]any {
	values := make(map[string]any, len(m.stored)+4)
	for _, f := range m.stored {
		if f.hidden {
			continue
		}
		value := r.values[f.at]
		if list, ok := value.([]string); ok {
			items := make([]any, len(list))
			for i, item := range list {
				items[i] = item
			}
			value = items
		}
		values[f.name] = value
	}
	values["id"] = r.id
	if m.stamped {
		values["created"], values["last_updated"] = r.created, r.updated
	}
	if m.custom {
		custom := make(map[string]any, len(r.custom))
		for name, value := range r.custom {
			custom[name] = value
		}
		values["custom_fields"] = custom
	}
	return values
}
