// Package talk prints what a command is doing: one line per finished phase on stderr, and on a terminal the phase that
// runs, redrawn in place.
package talk

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/eventrig/eventrig/e2e/rig"
)

// Talker prints progress. It is safe for phases that overlap.
type Talker struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	began    time.Time
	running  []string
	drawn    bool
}

// New makes a Talker for out; lines are redrawn in place only where out is a terminal.
func New(out io.Writer) *Talker {
	file, isFile := out.(*os.File)
	return &Talker{out: out, began: time.Now(), terminal: isFile && term.IsTerminal(int(file.Fd()))}
}

// Phase is a rig.Progress.
func (t *Talker) Phase(phase rig.Phase, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !done {
		t.running = append(t.running, phase.Name)
		t.draw()
		return
	}
	t.forget(phase.Name)
	t.erase()
	mark := "✓"
	if phase.Failed {
		mark = "✗"
	}
	fmt.Fprintf(t.out, "%6.1fs  %s %-32s %6.2fs\n", time.Since(t.began).Seconds(), mark, phase.Name, phase.Seconds)
	t.draw()
}

// Linef prints one line.
func (t *Talker) Linef(format string, arguments ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.erase()
	fmt.Fprintf(t.out, "%6.1fs  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, arguments...))
	t.draw()
}

func (t *Talker) erase() {
	if t.terminal && t.drawn {
		fmt.Fprint(t.out, "\r\x1b[K")
		t.drawn = false
	}
}

func (t *Talker) draw() {
	if !t.terminal || len(t.running) == 0 {
		return
	}
	t.erase()
	fmt.Fprintf(t.out, "%6.1fs  • %s …", time.Since(t.began).Seconds(), t.running[len(t.running)-1])
	t.drawn = true
}

// Step prints a step while it runs; the returned function ends it with its outcome.
func (t *Talker) Step(name string) (end func(outcome string)) {
	began := time.Now()
	t.mu.Lock()
	t.running = append(t.running, name)
	t.draw()
	t.mu.Unlock()
	return func(outcome string) {
		mark := "✓"
		if outcome != "passed" && outcome != "known-defect" {
			mark = "✗"
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.forget(name)
		t.erase()
		fmt.Fprintf(t.out, "%6.1fs  %s %-44s %6.2fs  %s\n", time.Since(t.began).Seconds(), mark, name, time.Since(began).Seconds(), outcome)
		t.draw()
	}
}

// forget takes one running step off the list.
func (t *Talker) forget(name string) {
	for i, running := range t.running {
		if running == name {
			t.running = append(t.running[:i], t.running[i+1:]...)
			return
		}
	}
}
