package logfile

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFollowReadsWhatComes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	followed, err := Follow(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	ended := make(chan error, 1)
	go func() {
		reader := bufio.NewReader(followed)
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				ended <- err
				return
			}
			lines <- line
		}
	}()
	next := func(want string) {
		t.Helper()
		select {
		case line := <-lines:
			if line != want {
				t.Fatalf("read %q, want %q", line, want)
			}
		case err := <-ended:
			t.Fatalf("ended: %v", err)
		case <-ctx.Done():
			t.Fatal("nothing came")
		}
	}
	// The file comes after its follower, and its lines in pieces.
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, piece := range []string{"one\nt", "wo", "\nthree\n"} {
		if _, err := file.WriteString(piece); err != nil {
			t.Fatal(err)
		}
		if piece == "one\nt" {
			next("one\n")
		}
	}
	next("two\n")
	next("three\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "another"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != io.EOF {
		t.Errorf("the end: %v", err)
	}
	if err := followed.Close(); err != nil {
		t.Error(err)
	}
}

func TestFollowNeedsAFolder(t *testing.T) {
	if _, err := Follow(t.Context(), filepath.Join(t.TempDir(), "no", "log")); err == nil {
		t.Error("no error")
	}
}
