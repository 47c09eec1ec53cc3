package rig

import (
	"sync"
	"time"
)

// Phase is one step of a boot with its length. Phases overlap: Start says when one began, counted from the boot's.
type Phase struct {
	Name    string  `json:"name"`
	Start   float64 `json:"startSeconds"`
	Seconds float64 `json:"seconds"`
	Failed  bool    `json:"failed,omitempty"` // it ended with an error, or was given up because another one did
}

// Progress is told of each phase when it begins (done false) and when it ends (done true).
type Progress func(phase Phase, done bool)

// stopwatch measures the phases of one boot.
type stopwatch struct {
	mu       sync.Mutex
	began    time.Time
	phases   []Phase
	progress Progress
}

func newStopwatch(progress Progress) *stopwatch {
	if progress == nil {
		progress = func(Phase, bool) {}
	}
	return &stopwatch{began: time.Now(), progress: progress}
}

// phase starts a phase; the returned function ends it, with the error that the pointer then leads to. A phase that fails
// is reported too: its length is the time until it failed.
func (s *stopwatch) phase(name string) (end func(err *error)) {
	phase := Phase{Name: name, Start: time.Since(s.began).Seconds()}
	s.progress(phase, false)
	return func(err *error) {
		phase.Failed = *err != nil
		phase.Seconds = time.Since(s.began).Seconds() - phase.Start
		s.mu.Lock()
		s.phases = append(s.phases, phase)
		s.mu.Unlock()
		s.progress(phase, true)
	}
}

func (s *stopwatch) all() []Phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Phase(nil), s.phases...)
}
