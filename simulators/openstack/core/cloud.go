// Package core is what the simulated OpenStack services share: one store with its clock, identifiers and journal, the
// queue of notifications, and the way from an HTTP request to a service's route and back in that service's own words.
//
// In: HTTP requests and calls from Go. Out: answers, changes of the store in the journal and at Config.OnChange, and
// notifications to Config.Publish in the order in which the real services would send them.
package core

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// Change is what happened to one resource. Before and After are as the API shows them, without links.
type Change struct {
	Resource  string // such as project or node
	Operation string // created, updated or deleted
	ID        string
	Before    map[string]any
	After     map[string]any
	RequestID string // empty for a change that no request asked for
}

// Config says how a cloud starts.
type Config struct {
	Seed     uint64
	Now      func() time.Time
	OnChange func(Change)
	Publish  func(context.Context, Message) error // nil: notifications are only journalled
	Told     func(Message)                        // before Publish, while the request that caused the notification is unanswered
	Log      func(format string, arguments ...any)
	// Transition is how long a node stays in each state that it passes; 0: it passes them before the request is answered.
	Transition time.Duration
}

// Cloud is the store that all services share. It is safe for concurrent use.
type Cloud struct {
	config   Config
	Notifier *Notifier

	// changing is held over a request that may change something, so that changes, their hooks and their notifications
	// have one order. Who holds it may read tables.
	changing sync.Mutex
	mu       sync.RWMutex // of random and of the tables' content
	random   *rand.Rand
	granted  string // the next identifier, where somebody chose it
	tables   map[string]*Table
	epoch    context.Context // ends with Reset: background work belongs to the cloud that was
	end      context.CancelFunc
}

// NewCloud makes an empty cloud.
func NewCloud(config Config) *Cloud {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = func(string, ...any) {}
	}
	c := &Cloud{config: config, tables: map[string]*Table{}}
	c.epoch, c.end = context.WithCancel(context.Background())
	c.random = rand.New(rand.NewPCG(config.Seed, 0x6b657973746f6e65))
	c.Notifier = newNotifier(c)
	return c
}

// Reset empties the store, ends the work in the background and starts the identifiers anew; fill then puts in what every
// cloud has.
func (c *Cloud) Reset(fill func()) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	c.end()
	c.epoch, c.end = context.WithCancel(context.Background())
	c.random = rand.New(rand.NewPCG(c.config.Seed, 0x6b657973746f6e65))
	for _, table := range c.tables {
		table.rows, table.order = map[string]Resource{}, nil
	}
	c.mu.Unlock()
	c.Notifier.reset()
	fill()
}

// Close ends the work in the background and waits for nothing.
func (c *Cloud) Close() {
	c.mu.RLock()
	c.end()
	c.mu.RUnlock()
	c.Notifier.close()
}

// Now is the cloud's time, in UTC.
func (c *Cloud) Now() time.Time { return c.config.Now().UTC() }

// Transition is how long a node stays in a state that it passes.
func (c *Cloud) Transition() time.Duration { return c.config.Transition }

// Exclusively runs do while nothing else changes the store.
func (c *Cloud) Exclusively(do func() error) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	return do()
}

// Later runs do while nothing else changes the store, after a time; never after a Reset or Close.
func (c *Cloud) Later(after time.Duration, do func()) {
	c.mu.RLock()
	epoch := c.epoch
	c.mu.RUnlock()
	go func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-epoch.Done():
			return
		}
		c.changing.Lock()
		defer c.changing.Unlock()
		if epoch.Err() == nil {
			do()
		}
	}()
}

// draw returns 16 random bytes.
func (c *Cloud) draw() (id [16]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i < len(id); i += 8 {
		value := c.random.Uint64()
		for j := range 8 {
			id[i+j] = byte(value >> (8 * j))
		}
	}
	return id
}

// UUID draws an identifier with dashes, as all services but Keystone write them.
func (c *Cloud) UUID() string {
	if granted := c.take(); granted != "" {
		return granted
	}
	id := c.draw()
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return uuid.UUID(id).String()
}

// Hex draws an identifier as Keystone writes them: 32 hexadecimal digits.
func (c *Cloud) Hex() string {
	if granted := c.take(); granted != "" {
		return granted
	}
	return fmt.Sprintf("%x", c.draw())
}

// Table is the resources of one kind in the order of their creation.
type Table struct {
	cloud    *Cloud
	path     string // for the journal and for Records, such as projects or baremetal/nodes
	resource string // for Change
	key      string // the field that identifies
	rows     map[string]Resource
	order    []string
}

// Table makes the table of a path, once. resource is the name of one of its rows, key the field that identifies it.
func (c *Cloud) Table(path, resource, key string) *Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tables[path] == nil {
		c.tables[path] = &Table{cloud: c, path: path, resource: resource, key: key, rows: map[string]Resource{}}
	}
	return c.tables[path]
}

// Get returns the row of that identifier, nil where there is none.
func (t *Table) Get(id string) Resource {
	t.cloud.mu.RLock()
	defer t.cloud.mu.RUnlock()
	return t.rows[id]
}

// All returns the rows for which every keep is true, in the order of their creation.
func (t *Table) All(keep ...func(Resource) bool) []Resource {
	t.cloud.mu.RLock()
	defer t.cloud.mu.RUnlock()
	found := make([]Resource, 0, len(t.order))
	for _, id := range t.order {
		row := t.rows[id]
		if !slices.ContainsFunc(keep, func(k func(Resource) bool) bool { return !k(row) }) {
			found = append(found, row)
		}
	}
	return found
}

// Find returns the first row for which keep is true, nil where there is none.
func (t *Table) Find(keep func(Resource) bool) Resource {
	t.cloud.mu.RLock()
	defer t.cloud.mu.RUnlock()
	for _, id := range t.order {
		if keep(t.rows[id]) {
			return t.rows[id]
		}
	}
	return nil
}

// Where is a condition for All and Find: a field has a value.
func Where(field string, value any) func(Resource) bool {
	return func(r Resource) bool { return Same(r[field], value) }
}

// Put stores a row in place of the one with the same identifier, journals that and tells the hook. The caller does not
// change the row afterwards.
func (t *Table) Put(ctx context.Context, after Resource) {
	id := after.Text(t.key)
	t.cloud.mu.Lock()
	before, existed := t.rows[id]
	t.rows[id] = after
	if !existed {
		t.order = append(t.order, id)
	}
	t.cloud.mu.Unlock()
	t.changed(ctx, id, before, after)
}

// Delete removes a row, journals that and tells the hook.
func (t *Table) Delete(ctx context.Context, id string) {
	t.cloud.mu.Lock()
	before, existed := t.rows[id]
	if existed {
		delete(t.rows, id)
		at := slices.Index(t.order, id)
		t.order = slices.Delete(t.order, at, at+1)
	}
	t.cloud.mu.Unlock()
	if existed {
		t.changed(ctx, id, before, nil)
	}
}

func (t *Table) changed(ctx context.Context, id string, before, after Resource) {
	if quiet(ctx) {
		return
	}
	change := Change{Resource: t.resource, ID: id, RequestID: journal.RequestID(ctx), Operation: "updated"}
	switch {
	case before == nil:
		change.Operation = "created"
	case after == nil:
		change.Operation = "deleted"
	}
	change.Before, change.After = before.Clone(), after.Clone()
	journal.Record(ctx, journal.Change{Path: t.path, ID: id, Before: change.Before, After: change.After})
	if t.cloud.config.OnChange != nil {
		t.cloud.config.OnChange(change)
	}
}

// Snapshot keeps the store as it is; the function that it returns puts it back. The caller changes exclusively.
func (c *Cloud) Snapshot() (restore func()) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	type content struct {
		rows  map[string]Resource
		order []string
	}
	kept := map[string]content{}
	for path, table := range c.tables {
		kept[path] = content{maps.Clone(table.rows), slices.Clone(table.order)}
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for path, was := range kept {
			c.tables[path].rows, c.tables[path].order = was.rows, was.order
		}
	}
}

type quietKey struct{}

// Quietly marks changes that were there before anyone listened: a world's. Neither the hook nor a notification tells them.
func Quietly(ctx context.Context) context.Context { return context.WithValue(ctx, quietKey{}, true) }

func quiet(ctx context.Context) bool { is, _ := ctx.Value(quietKey{}).(bool); return is }

// Collection is a table as worlds fill it and assertions read it.
type Collection struct {
	Path   string
	Table  *Table
	Fields []string // that a world may give, beside the identifier
	// Create makes one of a world's records, as an administrator's request would; the identifier may be given.
	Create func(ctx context.Context, fields Resource) error
	Hint   string // what a world's author is told when Create refuses
}

// Key is the field that identifies the table's rows.
func (t *Table) Key() string { return t.key }
