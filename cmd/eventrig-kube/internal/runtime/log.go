package runtime

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxLine is the longest line of a CRI log; a longer one is written in parts.
const maxLine = 16 << 10

// logFile is a container's log in the CRI format: TIME STREAM F|P TEXT.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File // nil: no log wanted, or closed
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	if path == "" {
		return l, nil
	}
	return l, l.reopen()
}

// reopen opens the path anew, after the file there was moved away.
func (l *logFile) reopen() error {
	if l.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return fmt.Errorf("make the log's folder: %w", err)
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open the container's log: %w", err)
	}
	l.mu.Lock()
	old := l.file
	l.file = file
	l.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

func (l *logFile) write(stream string, tag byte, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return
	}
	line := make([]byte, 0, len(text)+64)
	line = time.Now().UTC().AppendFormat(line, time.RFC3339Nano)
	line = append(line, ' ')
	line = append(line, stream...)
	line = append(line, ' ', tag, ' ')
	line = append(line, text...)
	_, _ = l.file.Write(append(line, '\n')) // a full disk must not stop the container
}

// Close ends the log.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// lineWriter makes lines of a stream of bytes.
type lineWriter struct {
	log     *logFile
	stream  string
	pending []byte
}

func (w *lineWriter) write(data []byte) {
	w.pending = append(w.pending, data...)
	for {
		end := bytes.IndexByte(w.pending, '\n')
		switch {
		case end >= 0 && end <= maxLine:
			w.log.write(w.stream, 'F', w.pending[:end])
			w.pending = w.pending[end+1:]
		case len(w.pending) > maxLine:
			w.log.write(w.stream, 'P', w.pending[:maxLine])
			w.pending = w.pending[maxLine:]
		default:
			w.pending = append([]byte(nil), w.pending...) // let go of what is written
			return
		}
	}
}

// flush writes what has no end of line.
func (w *lineWriter) flush() {
	if len(w.pending) > 0 {
		w.log.write(w.stream, 'F', w.pending)
		w.pending = nil
	}
}
