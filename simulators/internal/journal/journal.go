// Package journal keeps what a simulator was asked and what that changed: one entry per request, with the changes of
// records that it caused. In: HTTP requests, through Handler. Out: entries, all of them or as they come.
//
// An entry is in the journal before its response reaches the client, so whoever sees an answer also finds its entry.
// Memory is bounded (see Limits): the oldest entries go first, and how many went is counted and never hidden.
package journal

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Change is what a request did to one record.
type Change struct {
	Path   string         `json:"path"` // the collection, such as tenancy/tenants
	ID     string         `json:"id"`
	Before map[string]any `json:"before"` // null for a creation
	After  map[string]any `json:"after"`  // null for a deletion
}

// Closest is the route that came closest to a request that matched none.
type Closest struct {
	Route string `json:"route"` // method and pattern, such as "GET /v3/projects/{id}"
	Why   string `json:"why"`   // what kept the request from matching it
}

// Entry is one request with its answer.
type Entry struct {
	Sequence      int           `json:"sequence"`        // from 1, in the order of completion
	Time          time.Time     `json:"time"`            // arrival
	Duration      time.Duration `json:"durationSeconds"` // until the answer was complete, injected delays included
	RequestID     string        `json:"requestID"`       // the simulator's own
	Source        string        `json:"source"`          // host:port of the client
	Who           string        `json:"who,omitempty"`   // user, or kind and beginning of the token; never all of a secret
	Method        string        `json:"method"`
	Path          string        `json:"path"` // decoded
	Query         string        `json:"query,omitempty"`
	RequestBytes  int           `json:"requestBytes"`           // length of the whole body
	RequestBody   string        `json:"requestBody,omitempty"`  // cut where it is longer than the limit
	Status        int           `json:"status"`                 // 0: the connection was dropped without an answer
	ResponseBytes int           `json:"responseBytes"`          // length of the whole body
	ResponseBody  string        `json:"responseBody,omitempty"` // cut where it is longer than the limit
	Changes       []Change      `json:"changes,omitempty"`
	Closest       *Closest      `json:"closest,omitempty"` // of a request that matched no route
	Fault         string        `json:"fault,omitempty"`   // id of the fault rule that hit
	Notes         []string      `json:"notes,omitempty"`   // what else the simulator wants a person to know
}

// MarshalJSON writes the duration in seconds.
func (e Entry) MarshalJSON() ([]byte, error) {
	type plain Entry
	return json.Marshal(struct {
		plain
		Duration float64 `json:"durationSeconds"`
	}{plain(e), e.Duration.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Entry) UnmarshalJSON(data []byte) error {
	type plain Entry
	read := struct {
		*plain
		Duration float64 `json:"durationSeconds"`
	}{plain: (*plain)(e)}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	e.Duration = time.Duration(read.Duration * float64(time.Second))
	return nil
}

// bytes is what an entry takes of Limits.Bytes.
func (e *Entry) bytes() int { return len(e.RequestBody) + len(e.ResponseBody) + len(e.Changes)<<10 }

// Limits bound what a journal keeps. Where one is reached the oldest entries go.
type Limits struct {
	Entries int // how many entries
	Bytes   int // of all their bodies together; a change of a record counts as 1 KiB
	Body    int // bytes of one body; what is longer is cut, and RequestBytes or ResponseBytes tells its length
}

// DefaultLimits are those of a new journal: under 100 MB with everything.
func DefaultLimits() Limits { return Limits{Entries: 50_000, Bytes: 64 << 20, Body: 64 << 10} }

// Journal is a list of entries. It is safe for concurrent use.
type Journal struct {
	mu          sync.Mutex
	limits      Limits
	sequence    int // of the newest entry ever
	kept        ring
	bytes       int // of the kept entries
	dropped     int // since the last reset
	open        map[*recording]struct{}
	subscribers map[*subscriber]struct{}
	grown       chan struct{} // closed and replaced when an entry comes, if somebody waits
	awaited     bool
}

// New makes an empty journal with DefaultLimits.
func New() *Journal {
	return &Journal{limits: DefaultLimits(), open: map[*recording]struct{}{}, subscribers: map[*subscriber]struct{}{}, grown: make(chan struct{})}
}

// Limit changes the limits; a field that is not positive keeps its value. What is over them goes at once.
func (j *Journal) Limit(limits Limits) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range []struct{ field, value *int }{
		{&j.limits.Entries, &limits.Entries}, {&j.limits.Bytes, &limits.Bytes}, {&j.limits.Body, &limits.Body},
	} {
		if *one.value > 0 {
			*one.field = *one.value
		}
	}
	j.trim()
}

// Limits returns the limits in force.
func (j *Journal) Limits() Limits {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.limits
}

// KeepEntries limits how many entries are kept, and leaves the other limits.
func (j *Journal) KeepEntries(n int) { j.Limit(Limits{Entries: n}) }

// Entries returns all completed requests that are kept, in the order of completion.
func (j *Journal) Entries() []Entry {
	entries, _ := j.Since(0)
	return entries
}

// Since returns the entries after a sequence number, and how many after it are not kept any more.
func (j *Journal) Since(sequence int) (entries []Entry, missed int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	found, missed := j.since(sequence)
	entries = make([]Entry, len(found))
	for i, entry := range found {
		entries[i] = *entry
	}
	return entries, missed
}

// since is Since under the lock. The result is valid as long as the lock is held; the entries are never changed.
func (j *Journal) since(sequence int) (entries []*Entry, missed int) {
	all := j.kept.all()
	if len(all) == 0 {
		return nil, min(max(j.sequence-sequence, 0), j.dropped)
	}
	first := all[0].Sequence
	if sequence < first-1 {
		return all, min(first-1-sequence, j.dropped)
	}
	return all[min(sequence-first+1, len(all)):], 0
}

// Summary is a journal in figures.
type Summary struct {
	Kept    int `json:"kept"`    // entries
	First   int `json:"first"`   // sequence of the oldest kept one, 0 without one
	Last    int `json:"last"`    // sequence of the newest ever
	Dropped int `json:"dropped"` // entries that went since the last reset because a limit was reached
	Open    int `json:"open"`    // requests without an answer yet
}

// Summary counts.
func (j *Journal) Summary() Summary {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.kept.all()
	s := Summary{Kept: len(all), Last: j.sequence, Dropped: j.dropped, Open: len(j.open)}
	if len(all) > 0 {
		s.First = all[0].Sequence
	}
	return s
}

// Open returns the requests that have no answer yet, oldest first.
func (j *Journal) Open() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var open []Entry
	for recording := range j.open {
		open = append(open, recording.arrival)
	}
	slices.SortFunc(open, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return open
}

// Reset forgets all entries. Sequence numbers go on, so that a reader of an old one is not deceived.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept, j.bytes, j.dropped = ring{}, 0, 0
}

func (j *Journal) begin(r *recording) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.limit = j.limits.Body
	j.open[r] = struct{}{}
}

// end makes an entry of a recording. The entry is not changed any more.
func (j *Journal) end(r *recording) {
	entry := r.finish()
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.open, r)
	j.sequence++
	entry.Sequence = j.sequence
	j.kept.push(entry)
	j.bytes += entry.bytes()
	j.trim()
	for s := range j.subscribers {
		s.push(entry)
	}
	if j.awaited {
		close(j.grown)
		j.grown, j.awaited = make(chan struct{}), false
	}
}

// trim lets the oldest entries go until the limits hold; the newest always stays.
func (j *Journal) trim() {
	for j.kept.len() > 1 && (j.kept.len() > j.limits.Entries || j.bytes > j.limits.Bytes) {
		j.bytes -= j.kept.shift().bytes()
		j.dropped++
	}
}

// ring is a queue of entries: pushed at the end, shifted from the front, both in constant time on average.
type ring struct {
	entries []*Entry
	head    int
}

func (r *ring) len() int          { return len(r.entries) - r.head }
func (r *ring) all() []*Entry     { return r.entries[r.head:] }
func (r *ring) push(entry *Entry) { r.entries = append(r.entries, entry) }

func (r *ring) shift() *Entry {
	entry := r.entries[r.head]
	r.entries[r.head] = nil
	r.head++
	if r.head > 64 && r.head > len(r.entries)/2 {
		n := copy(r.entries, r.entries[r.head:])
		clear(r.entries[n:])
		r.entries, r.head = r.entries[:n], 0
	}
	return entry
}
