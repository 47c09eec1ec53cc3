package docs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/eventrig/eventrig/internal/docs"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := docs.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current (%v): run make generate", path, err)
		}
	}
}
