package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// MaxSize is how large one message may be in a file, in bytes. RabbitMQ takes no message above 16 MiB unless it is told to
// (max_message_size), and base64 adds a third.
const MaxSize = 64 << 20

const formHint = "give JSON: a message as it lay in the queue, as RabbitMQ's management API or an EventSource shows it, or JSON Lines of them"

// Options say how to read.
type Options struct {
	As Form // read every message as this form; empty: as what it is
}

// Files reads the files one after the other; Stdin among them is standard input. The sequence ends after the first error.
// No more than one message is held at a time.
//
// Errors are bad input and name file and line: a file that cannot be read or is a folder, holds no message, is not JSON,
// ends within a message, has something else between messages, or has one above MaxSize.
func Files(paths []string, stdin io.Reader, options Options) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for i, path := range paths {
			if path == Stdin && slices.Contains(paths[:i], Stdin) {
				yield(Event{}, failure.New(failure.BadInput, "name it once", "read events: standard input can be read only once"))
				return
			}
			if !file(path, stdin, options, yield) {
				return
			}
		}
	}
}

func file(path string, stdin io.Reader, options Options, yield func(Event, error) bool) bool {
	if path == Stdin {
		return each(Stdin, stdin, options, yield)
	}
	opened, err := os.Open(path)
	if err != nil {
		return yield(Event{}, failure.New(failure.BadInput, "give a file with events, or - for standard input", "read events: %w", err))
	}
	defer func() { _ = opened.Close() }() // it was only read
	if info, err := opened.Stat(); err == nil && info.IsDir() {
		return yield(Event{}, failure.New(failure.BadInput, "give the files in it", "read events: %s is a folder", path))
	}
	return each(path, opened, options, yield)
}

// Read reads events from in; file is the name that they and errors get. See Files.
func Read(file string, in io.Reader, options Options) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { each(file, in, options, yield) }
}

// Parse reads all events from data. See Files.
func Parse(file string, data []byte) ([]Event, error) {
	return All(Read(file, bytes.NewReader(data), Options{}))
}

// All collects the events of a sequence up to its first error.
func All(events iter.Seq2[Event, error]) ([]Event, error) {
	var all []Event
	for event, err := range events {
		if err != nil {
			return nil, err
		}
		all = append(all, event)
	}
	return all, nil
}

// each yields the events of one file and returns whether to go on with the next.
func each(file string, in io.Reader, options Options, yield func(Event, error) bool) bool {
	values := newSplitter(in)
	for index := 1; ; {
		raw, line, err := values.next()
		if errors.Is(err, io.EOF) && index > 1 {
			return true
		}
		if errors.Is(err, io.EOF) {
			line, err = values.line, errors.New("it holds no message")
		}
		if err != nil {
			yield(Event{}, broken(file, line, err))
			return false
		}
		for _, one := range flat(raw, line) {
			event, err := detect(one.raw, options.As)
			if err != nil {
				yield(Event{}, broken(file, one.line, err))
				return false
			}
			event.File, event.Line, event.Index, event.Raw = file, one.line, index, one.raw
			index++
			if !yield(event, nil) {
				return false
			}
		}
	}
}

// broken makes an error bad input at a place of the file.
func broken(file string, line int, err error) error {
	hint := failure.Hint(err)
	if hint == "" {
		hint = formHint
	}
	return failure.New(failure.BadInput, hint, "read events: %s: %w", place(file, line), err)
}

// Expand replaces folders among paths by the files of events below them (.json, .jsonl, .ndjson), in the order of their
// names, and leaves files and Stdin as they are. A folder without any is bad input.
func Expand(paths []string) ([]string, error) {
	var all []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if path == Stdin || err != nil || !info.IsDir() {
			all = append(all, path) // Files says what is wrong with it
			continue
		}
		before := len(all)
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && isEvents(name) {
				all = append(all, name)
			}
			return err
		})
		if err != nil {
			return nil, failure.New(failure.BadInput, "give a folder that can be read", "look for events: %w", err)
		}
		if len(all) == before {
			return nil, failure.New(failure.BadInput, "events lie in files that end in .json, .jsonl or .ndjson",
				"look for events: %w", fmt.Errorf("none in the folder %s", path))
		}
	}
	return all, nil
}

func isEvents(name string) bool {
	return slices.Contains([]string{".json", ".jsonl", ".ndjson"}, strings.ToLower(filepath.Ext(name)))
}
