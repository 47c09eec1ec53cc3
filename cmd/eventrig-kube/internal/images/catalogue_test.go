package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, text string) (*Catalogue, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "images.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func TestFindPrefersReferenceAndLaterEntries(t *testing.T) {
	c, err := load(t, `{"images":[
		{"repository":"quay.io/a/b","kind":"applet","user":"first"},
		{"repository":"quay.io/a/b","kind":"applet","user":"second"},
		{"repository":"","reference":"quay.io/a/b:v2","kind":"applet","user":"exact"},
		{"repository":"busybox","kind":"command","user":"hub"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]string{
		"quay.io/a/b": "second", "quay.io/a/b:v1": "second", "quay.io/a/b@sha256:00": "second", "quay.io/a/b:v2": "exact",
		"docker.io/library/busybox:1": "hub", "busybox@sha256:00": "hub", "quay.io:5000/a/b": "", "quay.io/a/bb": "",
	} {
		got, ok := c.Find(reference)
		if got.User != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", reference, got.User, ok, want)
		}
	}
}

func TestResolveSaysWhatToDo(t *testing.T) {
	c, err := load(t, `{"images":[{"repository":"x/y","kind":"applet","files":{"/bin/y":"/no/such/y"},"hint":"run make build"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resolve("x/z:1"); err == nil || !strings.Contains(err.Error(), "image x/z:1 has no mapping: add --image x/z=rootfs:PATH") {
		t.Errorf("unmapped: %v", err)
	}
	if _, err := c.Resolve("x/y:1"); err == nil || !strings.Contains(err.Error(), "/no/such/y") || !strings.Contains(err.Error(), "run make build") {
		t.Errorf("missing file: %v", err)
	}
}

func TestLoadNamesTheBadEntry(t *testing.T) {
	_, err := load(t, `{"images":[{"repository":"x/y","kind":"zip"}]}`)
	if err == nil || !strings.Contains(err.Error(), "images[0]") || !strings.Contains(err.Error(), `"zip"`) {
		t.Errorf("got %v", err)
	}
}
