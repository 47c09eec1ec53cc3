package logfile_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/logfile"
)

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "one.log")
	if got := logfile.Tail(path, 2); !strings.Contains(got, "no such file") {
		t.Errorf("a log that is not there: %q", got)
	}
	for _, line := range []string{"a\n", "b\n", "c\n\n"} {
		file, err := logfile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(line); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for lines, want := range map[int]string{2: "b\nc", 9: "a\nb\nc"} {
		if got := logfile.Tail(path, lines); got != want {
			t.Errorf("Tail of %d lines: %q, want %q", lines, got, want)
		}
	}
}
