// Package journal keeps what a simulator was asked and what that changed: one entry per request, with the changes of
// records that it caused. In: HTTP requests, through Handler. Out: entries, all of them or as they come.
//
// An entry is in the journal before its response reaches the client, so whoever sees an answer also finds its entry.
package journal

import (
	"slices"
	"sync"
	"time"
)

// Change is what a request did to one record. Before is nil for a creation, After for a deletion.
type Change struct {
	Path   string         `json:"path"` // the collection, such as tenancy/tenants
	ID     string         `json:"id"`
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// Entry is one request with its answer.
type Entry struct {
	Sequence     int           `json:"sequence"` // from 1, in the order of completion
	Time         time.Time     `json:"time"`     // arrival
	Duration     time.Duration `json:"durationNanoseconds"`
	RequestID    string        `json:"requestID"`
	Source       string        `json:"source"` // host:port of the client
	Method       string        `json:"method"`
	Path         string        `json:"path"`
	Query        string        `json:"query,omitempty"`
	RequestBody  string        `json:"requestBody,omitempty"`
	Status       int           `json:"status"` // 0: the connection was dropped on purpose
	ResponseBody string        `json:"responseBody,omitempty"`
	Changes      []Change      `json:"changes,omitempty"`
	Notes        []string      `json:"notes,omitempty"` // what the simulator wants a person to know, such as the nearest route
}

// Journal is a list of entries. It is safe for concurrent use.
type Journal struct {
	mu          sync.Mutex
	sequence    int
	entries     []Entry
	open        map[*Entry]struct{}
	subscribers map[*subscriber]struct{}
}

// New makes an empty journal.
func New() *Journal {
	return &Journal{open: map[*Entry]struct{}{}, subscribers: map[*subscriber]struct{}{}}
}

// Entries returns all completed requests in the order of completion.
func (j *Journal) Entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// Open returns the requests that have no answer yet, oldest first.
func (j *Journal) Open() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var open []Entry
	for entry := range j.open {
		open = append(open, Entry{
			Time: entry.Time, RequestID: entry.RequestID, Source: entry.Source, Method: entry.Method,
			Path: entry.Path, Query: entry.Query,
		})
	}
	slices.SortFunc(open, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return open
}

// Reset forgets all entries. Sequence numbers go on, so that a reader of an old one is not deceived.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

// Subscribe returns a channel of the entries that come from now on, in order and without loss however slow the reader
// is, and a function that ends the subscription and closes the channel.
func (j *Journal) Subscribe() (<-chan Entry, func()) {
	s := newSubscriber()
	j.mu.Lock()
	j.subscribers[s] = struct{}{}
	j.mu.Unlock()
	return s.out, func() {
		j.mu.Lock()
		delete(j.subscribers, s)
		j.mu.Unlock()
		s.stop()
	}
}

func (j *Journal) begin(entry *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open[entry] = struct{}{}
}

func (j *Journal) end(entry *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.open, entry)
	j.sequence++
	entry.Sequence = j.sequence
	j.entries = append(j.entries, *entry)
	for s := range j.subscribers {
		s.push(*entry)
	}
}

// subscriber passes entries on through a queue without bound: a journal that dropped entries for a slow reader would
// let an assertion fail for the wrong reason, and one that waited would let a slow reader stop the simulator.
type subscriber struct {
	mu    sync.Mutex
	queue []Entry
	wake  chan struct{}
	done  chan struct{}
	once  sync.Once
	out   chan Entry
}

func newSubscriber() *subscriber {
	s := &subscriber{wake: make(chan struct{}, 1), done: make(chan struct{}), out: make(chan Entry)}
	go s.pump()
	return s
}

func (s *subscriber) push(entry Entry) {
	s.mu.Lock()
	s.queue = append(s.queue, entry)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscriber) pump() {
	defer close(s.out)
	for {
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, entry := range queue {
			select {
			case s.out <- entry:
			case <-s.done:
				return
			}
		}
		if len(queue) > 0 {
			continue
		}
		select {
		case <-s.wake:
		case <-s.done:
			return
		}
	}
}

func (s *subscriber) stop() { s.once.Do(func() { close(s.done) }) }
