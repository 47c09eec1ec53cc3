package oslo

import (
	"bytes"
	crypto "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Series makes many notifications of one event type with the same edits. Each is what Template.Build and Notification.Body
// make from the same Options, byte for byte, with identifiers and times of its own; but what is the same in all of them is
// serialised once, which leaves the processor to the broker.
//
// It is not safe for use by several goroutines.
type Series struct {
	route     Route
	eventType string
	random    *rand.Rand
	now       time.Time // zero is the present
	template  string    // whose event type identifiers are drawn for
	marks     []markedPart
	values    []string
	body      pattern
	messageID pattern
}

// Rendered is a notification as it goes out.
type Rendered struct {
	Message
	MessageID string // of the notification, empty where an edit took it out
	EventType string
}

// pattern is a text with gaps: each piece is followed by the value of a mark, and end by nothing.
type pattern struct {
	pieces []piece
	end    []byte
	size   int // bytes of the text without the gaps
}

type piece struct {
	before []byte
	mark   int // index into Series.marks
}

// Series prepares the notifications that Build would make one by one. What is wrong with the edits is told here.
func (t Template) Series(options Options, driver Driver) (*Series, error) {
	parsed, err := t.prepared()
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", t.Name, err)
	}
	s := &Series{random: options.Random, now: options.Now, template: t.eventType}
	gaps := newGaps()
	// Edits are made on a notification whose marks are gaps: they look at the type of what they replace and never at its text.
	n, err := edit(gaps.fill(parsed).(map[string]any), options) // an object stays one
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", t.Name, err)
	}
	if n.removed["priority"] {
		n.Priority = t.priority
	}
	s.route = t.route(n)
	return s, s.prepare(n, driver, gaps)
}

// Series makes copies of a captured notification for sending it more than once, each as Fresh and Body make it.
func (n Notification) Series(route Route, options Options, driver Driver) (*Series, error) {
	s := &Series{route: route, random: options.Random, now: options.Now, template: n.EventType}
	gaps := newGaps()
	if n.UniqueID = gaps.gap("hex", "_unique_id"); !n.removed["message_id"] {
		n.MessageID = gaps.gap("uuid", "message_id")
	}
	return s, s.prepare(n, driver, gaps)
}

func (s *Series) prepare(n Notification, driver Driver, gaps *gaps) error {
	body, err := n.Body(driver)
	if err != nil {
		return err
	}
	s.eventType, s.marks, s.values = n.EventType, gaps.marks, make([]string, len(gaps.marks))
	s.body, s.messageID = gaps.cut(body), gaps.cut([]byte(n.MessageID))
	return nil
}

// Next makes the next notification.
func (s *Series) Next() Rendered {
	f := filler{draw: drawFrom(s.random), now: s.now, eventType: s.template}
	if f.now.IsZero() {
		f.now = time.Now()
	}
	for i, mark := range s.marks {
		s.values[i] = f.value(mark.form, mark.name)
	}
	return Rendered{
		Message:   Message{Route: s.route, Body: s.body.with(s.values)},
		MessageID: string(s.messageID.with(s.values)), EventType: s.eventType,
	}
}

// with returns the text with its gaps filled. A mark's value is made of characters that JSON writes as they are, however
// deep in strings of strings it stands.
func (p pattern) with(values []string) []byte {
	size := p.size
	for _, piece := range p.pieces {
		size += len(values[piece.mark])
	}
	out := make([]byte, 0, size)
	for _, piece := range p.pieces {
		out = append(append(out, piece.before...), values[piece.mark]...)
	}
	return append(out, p.end...)
}

// gaps are the places of marks in a text that is still to be serialised. Each is written as a word that nothing else in a
// notification can be.
type gaps struct {
	word  string
	marks []markedPart
}

func newGaps() *gaps {
	var id uuid.UUID
	_, _ = crypto.Read(id[:]) // never fails: crypto/rand ends the process instead
	return &gaps{word: "gap-" + id.String() + "-"}
}

const gapDigits = 6

// gap returns what stands for a mark.
func (g *gaps) gap(form, name string) string {
	mark := markedPart{form: form, name: name}
	at := slices.Index(g.marks, mark)
	if at < 0 {
		at = len(g.marks)
		g.marks = append(g.marks, mark)
	}
	return fmt.Sprintf("%s%0*d", g.word, gapDigits, at)
}

// fill returns a copy of what parseMarks made with gaps for the marks.
func (g *gaps) fill(value any) any { return fillMarks(value, g.gap) }

// cut finds the gaps in a text.
func (g *gaps) cut(text []byte) pattern {
	var p pattern
	for {
		at := bytes.Index(text, []byte(g.word))
		if at < 0 {
			p.end = text
			p.size += len(text)
			return p
		}
		end := at + len(g.word) + gapDigits
		mark, _ := strconv.Atoi(string(text[end-gapDigits : end])) // gap wrote the digits
		p.pieces = append(p.pieces, piece{before: text[:at], mark: mark})
		p.size += at
		text = text[end:]
	}
}
