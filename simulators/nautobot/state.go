package nautobot

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/eventrig/eventrig/internal/failure"
)

// stateFile keeps the records in a bbolt file: a bucket per model, in it a record per id. Each answered write is one
// transaction and on the disk when its answer leaves.
type stateFile struct {
	db     *bolt.DB
	starts uint64 // how often the file was opened: ids drawn after a restart differ from those before it
}

var metaBucket, startsKey = []byte("eventrig"), []byte("starts")

// saved is a record in the file.
type saved struct {
	Created string                     `json:"created,omitempty"`
	Updated string                     `json:"updated,omitempty"`
	Custom  map[string]any             `json:"custom,omitempty"`
	Values  map[string]json.RawMessage `json:"values"`
}

func openState(path string) (*stateFile, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, failure.New(failure.Environment, "stop the other one, or take another file", "open state %s: another process has it open", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, failure.New(failure.BadInput, "take a file that does not exist yet, or one that --state made", "open state %s: %w", path, err)
	case err != nil:
		code := failure.Environment
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			code = failure.BadInput
		}
		return nil, failure.New(code, "the folder must exist and be writable", "open state %s: %w", path, err)
	}
	f := &stateFile{db: db}
	err = db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return fmt.Errorf("make bucket: %w", err)
		}
		if number := meta.Get(startsKey); len(number) == 8 {
			f.starts = binary.BigEndian.Uint64(number)
		}
		f.starts++
		return meta.Put(startsKey, binary.BigEndian.AppendUint64(nil, f.starts))
	})
	if err != nil {
		return nil, errors.Join(failure.New(failure.Environment, "", "write state %s: %w", path, err), db.Close())
	}
	return f, nil
}

// write makes a transaction's changes last.
func (f *stateFile) write(s *store, operations []operation) error {
	return f.update(func(tx *bolt.Tx) error {
		for _, o := range operations {
			if err := put(tx, s, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// replace makes the file hold what a store holds and nothing else.
func (f *stateFile) replace(s *store) error {
	return f.update(func(tx *bolt.Tx) error {
		if err := clearAll(tx); err != nil {
			return err
		}
		for _, m := range s.schema.models {
			for _, r := range s.tables[m.path].byID {
				if err := put(tx, s, operation{model: m, after: r}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (f *stateFile) update(do func(*bolt.Tx) error) error {
	if err := f.db.Update(do); err != nil {
		return fmt.Errorf("write state %s: %w", f.db.Path(), err)
	}
	return nil
}

func put(tx *bolt.Tx, s *store, o operation) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(o.model.path))
	if err != nil {
		return fmt.Errorf("make bucket: %w", err)
	}
	if o.after == nil {
		if err := bucket.Delete([]byte(o.before.id)); err != nil {
			return fmt.Errorf("delete record: %w", err)
		}
		return nil
	}
	data, err := json.Marshal(s.saved(o.model, o.after))
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	if err := bucket.Put([]byte(o.after.id), data); err != nil {
		return fmt.Errorf("put record: %w", err)
	}
	return nil
}

func (s *store) saved(m *model, r *record) saved {
	one := saved{Created: r.created, Updated: r.updated, Custom: r.custom, Values: map[string]json.RawMessage{}}
	for _, f := range m.stored {
		switch value := r.values[f.at].(type) {
		case nil:
		case *snapshot:
			one.Values[f.name] = s.appendRecord(nil, &view{manyAll: true}, value.model, value.record)
		default:
			one.Values[f.name] = appendValue(nil, value)
		}
	}
	return one
}

// clear forgets all records.
func (f *stateFile) clear() error { return f.update(clearAll) }

func clearAll(tx *bolt.Tx) error {
	var names [][]byte
	err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if string(name) != string(metaBucket) {
			names = append(names, slices.Clone(name))
		}
		return nil
	})
	for _, name := range names {
		err = errors.Join(err, tx.DeleteBucket(name))
	}
	return err
}

// read fills an empty store from the file and says whether there was anything.
func (f *stateFile) read(s *store) (found bool, err error) {
	pending := map[string]map[string]*record{}
	err = f.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			if string(name) == string(metaBucket) {
				return nil
			}
			m := s.schema.byPath[string(name)]
			if m == nil {
				return failure.New(failure.BadInput, "start with the same --openapi as when the file was made", "state %s has records of %s, which is no model", f.db.Path(), name)
			}
			records := map[string]*record{}
			pending[m.path] = records
			return bucket.ForEach(func(id, data []byte) error {
				r, err := m.restored(string(id), data)
				if err != nil {
					return failure.New(failure.BadInput, "", "state %s: %s %s: %w", f.db.Path(), m.path, id, err)
				}
				records[r.id] = r
				return nil
			})
		})
	})
	if err != nil {
		return false, err
	}
	// What lists of a model are ordered by may be a record of another one, which then must be there first.
	var place func(m *model, r *record)
	place = func(m *model, r *record) {
		delete(pending[m.path], r.id)
		for _, f := range m.stored {
			if id, ok := r.values[f.at].(string); ok && f.kind == related && slices.Contains(m.order, f.name) {
				if other := pending[f.to][id]; other != nil {
					place(s.schema.byPath[f.to], other)
				}
			}
		}
		r.order = s.orderOf(m, r)
		s.tables[m.path].insert(r)
		found = true
	}
	for path, records := range pending {
		for _, r := range records {
			if pending[path][r.id] != nil {
				place(s.schema.byPath[path], r)
			}
		}
	}
	return found, nil
}

// restored makes a record of what saved made.
func (m *model) restored(id string, data []byte) (*record, error) {
	var one saved
	if err := json.Unmarshal(data, &one); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	r := &record{id: id, created: one.Created, updated: one.Updated, custom: one.Custom, values: make([]any, len(m.stored))}
	for _, f := range m.stored {
		raw, ok := one.Values[f.name]
		if !ok {
			continue
		}
		value, err := f.restored(raw)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", f.name, err)
		}
		r.values[f.at] = value
	}
	return r, nil
}

func (f *field) restored(raw json.RawMessage) (any, error) {
	var err error
	switch f.kind {
	case integer:
		var number int64
		err = json.Unmarshal(raw, &number)
		return number, err
	case float:
		var number float64
		err = json.Unmarshal(raw, &number)
		return number, err
	case boolean:
		var truth bool
		err = json.Unmarshal(raw, &truth)
		return truth, err
	case relatedList, contentTypes, choiceList:
		list := []string{}
		err = json.Unmarshal(raw, &list)
		return list, err
	case object:
		if f.hidden {
			return slices.Clone(raw), nil // an object change's record, shown as it is
		}
		return decode(raw)
	}
	var words string
	err = json.Unmarshal(raw, &words)
	return words, err
}
