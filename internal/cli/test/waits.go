package test

import (
	"os"
	"os/signal"
	"sync"

	"github.com/eventrig/eventrig/internal/cli/talk"
)

// waits knows what each running scenario waits for, and tells it when the process gets SIGUSR1 (on macOS also SIGINFO,
// which Ctrl-T sends).
type waits struct {
	talker *talk.Talker
	asked  chan os.Signal

	mu    sync.Mutex
	names []string // in the order in which they began
	open  map[string]string
}

func newWaits(talker *talk.Talker) *waits {
	w := &waits{talker: talker, asked: make(chan os.Signal, 1), open: map[string]string{}}
	signal.Notify(w.asked, progressSignals...)
	go func() {
		for range w.asked {
			w.tell()
		}
	}()
	return w
}

func (w *waits) close() {
	signal.Stop(w.asked)
	close(w.asked)
}

// set says what a scenario waits for; it has ended when that is empty.
func (w *waits) set(name, open string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.open[name]; !known {
		w.names = append(w.names, name)
	}
	w.open[name] = open
}

func (w *waits) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := false
	for _, name := range w.names {
		if open := w.open[name]; open != "" {
			w.talker.Linef("%s waits for: %s", name, open)
			told = true
		}
	}
	if !told {
		w.talker.Linef("no scenario waits for anything")
	}
}
