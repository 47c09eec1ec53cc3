// Package ledger is the record of what became of every notification: one record per hop, as JSON Lines.
//
// In go the observations of e2e/observe and the publish steps of e2e/scenario; out come the records that every
// assertion, the timeline and the loss, duplicate and order figures are read from. The ledger stores what was
// observed and never infers: a record whose owner could not be told is marked ambiguous by whoever appended it.
package ledger

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Hop names one station of a notification on its way from the publisher to a changed record.
type Hop string

// The hops in the order a notification passes them.
const (
	Published    Hop = "published"     // confirmed by the broker
	Routed       Hop = "routed"        // into a queue that an EventSource consumes
	Received     Hop = "received"      // by an EventSource
	OnBus        Hop = "on-bus"        // put on the event bus by an EventSource
	Decided      Hop = "decided"       // a Sensor's dependency said yes or no
	Triggered    Hop = "triggered"     // a trigger was executed, or failed
	Workflow     Hop = "workflow"      // a Workflow (or Job) reached a phase
	Pod          Hop = "pod"           // a pod of it reached a phase
	APICall      Hop = "api-call"      // a pod called a simulator
	RecordChange Hop = "record-change" // such a call changed a record
)

// Order returns the position of the hop on the way, and -1 for an unknown hop.
func (h Hop) Order() int {
	for i, hop := range []Hop{Published, Routed, Received, OnBus, Decided, Triggered, Workflow, Pod, APICall, RecordChange} {
		if hop == h {
			return i
		}
	}
	return -1
}

// Record is one hop of one notification.
type Record struct {
	Time      time.Time `json:"time"`
	Hop       Hop       `json:"hop"`
	MessageID string    `json:"message_id,omitempty"`
	EventID   string    `json:"event_id,omitempty"` // the CloudEvent's id
	Object    string    `json:"object,omitempty"`   // Kind/namespace/name, or service METHOD path for an API call
	Sensor    string    `json:"sensor,omitempty"`   // namespace/name
	Trigger   string    `json:"trigger,omitempty"`
	Verdict   string    `json:"verdict,omitempty"` // fires, filtered, ...; succeeded, failed; a phase; an HTTP status
	Step      string    `json:"step,omitempty"`    // the step that gave the verdict: transform, filter, trigger
	Cause     string    `json:"cause,omitempty"`   // the message of the component that decided
	Ambiguous bool      `json:"ambiguous,omitempty"`
	// Candidates are the message ids between which an ambiguous record could not be told apart.
	Candidates []string `json:"candidates,omitempty"`
	// Details are the hop's own facts: parameters of a Workflow, exitCode of a pod, method, path and status of a call.
	Details map[string]any `json:"details,omitempty"`
}

// Ledger collects records in memory and, when it was opened on a file, appends each one to it at once, so that a
// killed run leaves everything up to its last moment.
type Ledger struct {
	mu      sync.Mutex
	records []Record
	of      map[string][]int // places of a message's records
	unclear []int            // places of the ambiguous ones
	out     io.Writer
	closer  io.Closer
	err     error
	changed chan struct{}
}

// New returns a ledger that writes JSON Lines to out; out may be nil.
func New(out io.Writer) *Ledger {
	return &Ledger{out: out, of: map[string][]int{}, changed: make(chan struct{})}
}

// Open returns a ledger that appends to the file.
func Open(file string) (*Ledger, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l := New(f)
	l.closer = f
	return l, nil
}

// Append adds a record; a record without a time gets the present one. A write error is kept and returned by Close, so
// that a full disk does not end a run whose records are still in memory.
func (l *Ledger) Append(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if r.MessageID != "" {
		l.of[r.MessageID] = append(l.of[r.MessageID], len(l.records))
	}
	if r.Ambiguous {
		l.unclear = append(l.unclear, len(l.records))
	}
	l.records = append(l.records, r)
	if l.out != nil && l.err == nil {
		line, err := json.Marshal(r)
		if err == nil {
			_, err = l.out.Write(append(line, '\n'))
		}
		if err != nil {
			l.err = fmt.Errorf("write the ledger: %w", err)
		}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// Changed returns a channel that is closed by the next Append.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Records returns a copy of all records in the order they were appended.
func (l *Ledger) Records() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Record(nil), l.records...)
}

// Of returns the records of the given messages, including the ambiguous ones that might be theirs, in the order they were
// appended. It costs what these messages have, however much the ledger holds.
func (l *Ledger) Of(messageIDs ...string) []Record {
	wanted := make(map[string]bool, len(messageIDs))
	for _, id := range messageIDs {
		wanted[id] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var places []int
	for id := range wanted {
		places = append(places, l.of[id]...)
	}
	for _, i := range l.unclear {
		if r := &l.records[i]; !wanted[r.MessageID] && anyOf(wanted, r.Candidates) {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	var out []Record
	for _, i := range places {
		out = append(out, l.records[i])
	}
	return out
}

// Close closes the file and returns the first error met while writing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.err
	if l.closer != nil {
		if cerr := l.closer.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close the ledger: %w", cerr)
		}
		l.closer, l.out = nil, nil
	}
	return err
}

// Read reads records from JSON Lines. An unfinished last line, as a killed run leaves it, is dropped.
func Read(in io.Reader) ([]Record, error) {
	var records []Record
	reader := bufio.NewReader(in)
	for n := 1; ; n++ {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return records, fmt.Errorf("read the ledger: %w", err)
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return records, fmt.Errorf("read the ledger: line %d: %w", n, err)
		}
		records = append(records, r)
	}
}

func anyOf(wanted map[string]bool, ids []string) bool {
	for _, id := range ids {
		if wanted[id] {
			return true
		}
	}
	return false
}
