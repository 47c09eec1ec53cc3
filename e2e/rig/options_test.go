package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestFolderInUseIsRefused(t *testing.T) {
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
}

func TestFolderMayBeLongWhereTheSocketsLieElsewhere(t *testing.T) {
	folder := "/" + strings.Repeat("a", longestFolder)
	if over := excess(folder, folder+"/run"); over != 1 {
		t.Errorf("sockets in a folder one byte too long: %d bytes over", over)
	}
	if over := excess(folder, "/srv"); over != 0 {
		t.Errorf("sockets elsewhere: %d bytes over", over)
	}
}
