package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestFolderTooLongForSocketsIsRefused(t *testing.T) {
	state, err := os.MkdirTemp("", "rig")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(state) }) // in the system's folder for temporary files anyway
	t.Setenv("XDG_STATE_HOME", state)
	if folder, err := makeFolder("one"); err != nil || folder != filepath.Join(state, "eventrig", "rigs", "one") {
		t.Errorf("makeFolder: %s, %v", folder, err)
	}
	if _, err := makeFolder("one"); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("a name in use: %v", err)
	}
	_, err = makeFolder(strings.Repeat("a", longestFolder))
	if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(failure.Hint(err), "bytes shorter") {
		t.Errorf("a folder that is too long: %v (hint %q)", err, failure.Hint(err))
	}
}
