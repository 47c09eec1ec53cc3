package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/eventrig/eventrig/internal/failure"
)

// splitter cuts a stream into JSON objects, those of a list at the top one by one, and knows the line of each. The
// decoder of encoding/json would hold a list as a whole, and tells no lines.
type splitter struct {
	in       *bufio.Reader
	line     int // the line of the next byte
	started  bool
	listLine int  // where the open list started; 0: none is open
	items    int  // how many messages of it were read
	comma    bool // a list's message was read, a comma or the end must follow
	value    bool // a comma was read, a message must follow
}

func newSplitter(in io.Reader) *splitter {
	return &splitter{in: bufio.NewReaderSize(in, 64<<10), line: 1}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next object and the line where it starts, or io.EOF. An inner list comes as one value.
func (s *splitter) next() ([]byte, int, error) {
	if !s.started {
		s.started = true
		if start, err := s.in.Peek(len(byteOrderMark)); err == nil && bytes.Equal(start, byteOrderMark) {
			_, _ = s.in.Discard(len(byteOrderMark)) // they were peeked
		}
	}
	for {
		c, err := s.skip()
		switch {
		case errors.Is(err, io.EOF) && s.listLine > 0:
			return nil, s.line, fmt.Errorf("the list that starts on line %d does not end: is the file cut off?", s.listLine)
		case err != nil:
			return nil, s.line, err
		case s.listLine == 0 && c == '[':
			s.listLine, s.items, s.comma, s.value = s.line, 0, false, false
			s.drop()
		case s.listLine > 0 && c == ']' && !s.value:
			s.listLine, s.comma = 0, false
			s.drop()
		case s.listLine > 0 && c == ',' && s.comma:
			s.comma, s.value = false, true
			s.drop()
		case c == '{' && !s.comma, s.listLine > 0 && c == '[' && !s.comma:
			line := s.line
			raw, err := s.balanced()
			if err == nil {
				line, err = valid(raw, line)
			}
			s.items++
			s.comma, s.value = s.listLine > 0, false
			return raw, line, err
		default:
			return nil, s.line, s.stray()
		}
	}
}

// skip passes over white space and returns the next byte, which stays unread.
func (s *splitter) skip() (byte, error) {
	for {
		next, err := s.in.Peek(1)
		if err != nil {
			return 0, err
		}
		switch next[0] {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return next[0], nil
		}
		s.drop()
	}
}

// drop passes over a byte that was peeked.
func (s *splitter) drop() { _, _ = s.in.Discard(1) }

// balanced reads up to the bracket that closes the first one. It looks at brackets and texts only.
func (s *splitter) balanced() ([]byte, error) {
	var raw []byte
	start, depth, quoted, escaped := s.line, 0, false, false
	for {
		if _, err := s.in.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("the message that starts on line %d does not end: is the file cut off?", start)
			}
			return nil, err
		}
		chunk, _ := s.in.Peek(s.in.Buffered()) // what is buffered can be peeked
		used := len(chunk)
	scan:
		for i, c := range chunk {
			switch {
			case c == '\n' && quoted:
				return nil, errors.New("not JSON: a text does not end on its line")
			case c == '\n':
				s.line++
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = c == '\\', c != '"'
			case c == '"':
				quoted = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					used = i + 1
					break scan
				}
			}
		}
		if len(raw)+used > MaxSize {
			return nil, failure.New(failure.BadInput, "no service sends messages of that size: is it a message at all?",
				"the message that starts on line %d is larger than %d MiB", start, MaxSize>>20)
		}
		raw = append(raw, chunk[:used]...)
		_, _ = s.in.Discard(used) // they were peeked
		if depth == 0 {
			return raw, nil
		}
	}
}

// valid says where and why a value that starts on the line is not JSON.
func valid(raw []byte, line int) (int, error) {
	if json.Valid(raw) {
		return line, nil
	}
	var any json.RawMessage
	err := json.Unmarshal(raw, &any)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line += bytes.Count(raw[:max(0, min(int(syntax.Offset)-1, len(raw)))], []byte("\n"))
	}
	return line, fmt.Errorf("not JSON: %w", err)
}

// scalar is how a JSON value starts that is no object and no list.
var scalar = regexp.MustCompile(`^(["0-9-]|true|false|null)`)

var gzipMagic = []byte("\x1f\x8b")

// stray says what is wrong with something that is neither an object nor belongs to a list.
func (s *splitter) stray() error {
	start, _ := s.in.Peek(40) // fewer at the end
	switch {
	case bytes.HasPrefix(start, gzipMagic):
		return failure.New(failure.BadInput, "unpack it: gunzip -c FILE | eventrig ... -", "not JSON: it is compressed with gzip")
	case s.comma:
		return fmt.Errorf("not JSON: a comma or the list's end must follow a message of a list, not %q", start)
	}
	what := "not JSON: %q"
	if scalar.Match(start) {
		what = "a message is a JSON object, not %q"
	}
	if s.listLine > 0 {
		return fmt.Errorf("message %d of the list: "+what, s.items+1, start)
	}
	return fmt.Errorf(what, start)
}

// located is a value with the line where it starts.
type located struct {
	raw  []byte
	line int
}

// flat returns the messages of a value, which is valid JSON: itself, or those of a list within a list.
func flat(raw []byte, line int) []located {
	if raw[0] != '[' {
		return []located{{raw, line}}
	}
	var all []located
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return []located{{raw, line}} // it is valid, so this does not happen; the value is refused as no object
	}
	rest := raw[1:]
	for _, item := range list {
		at := bytes.Index(rest, item) // items lie in it in their order, as they are
		line += bytes.Count(rest[:at], []byte("\n"))
		all = append(all, flat(item, line)...)
		line += bytes.Count(item, []byte("\n"))
		rest = rest[at+len(item):]
	}
	return all
}
