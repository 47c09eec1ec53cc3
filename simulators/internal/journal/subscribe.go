package journal

import (
	"context"
	"slices"
	"sync"
)

// Subscribe returns a channel of the entries that come from now on, in order and without loss however slow the reader
// is, and a function that ends the subscription and closes the channel. Entries that were not read yet stay in memory
// also when the journal has let them go: it is for readers in this process; for others there is Follow.
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

// Follow calls each with the entries after a sequence number, first those that are kept, then the new ones as they come,
// until ctx is over or each returns false. A reader that is slower than the journal forgets is told how many entries it
// missed before the next one; it costs no memory.
func (j *Journal) Follow(ctx context.Context, sequence int, each func(entry Entry, missed int) bool) {
	for {
		j.mu.Lock()
		entries, missed := j.since(sequence)
		entries = slices.Clone(entries[:min(len(entries), 256)])
		j.awaited = j.awaited || len(entries) == 0
		grown := j.grown
		j.mu.Unlock()
		for _, entry := range entries {
			if ctx.Err() != nil || !each(*entry, missed) {
				return
			}
			sequence, missed = entry.Sequence, 0
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return
		}
	}
}

// subscriber passes entries on through a queue without bound: a journal that dropped entries for a slow reader would
// let an assertion fail for the wrong reason, and one that waited would let a slow reader stop the simulator.
type subscriber struct {
	mu    sync.Mutex
	queue []*Entry
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

func (s *subscriber) push(entry *Entry) {
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
			case s.out <- *entry:
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
