package oslo

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

var mark = regexp.MustCompile(`<(uuid5?|hex|short|pod|mac|time):([a-z0-9_-]+)>`)

// marked is a string with marks in it: what each stands for, and the text before it.
type marked struct {
	parts []markedPart
	end   string // the text behind the last mark
}

type markedPart struct{ before, form, name string }

// parseMarks returns a copy of a JSON value in which every string with marks is parsed. The value may be large and is
// filled in once for each message.
func parseMarks(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return parseMarked(v)
	case map[string]any:
		parsed := make(map[string]any, len(v))
		for key, child := range v {
			var err error
			if parsed[key], err = parseMarks(child); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
		return parsed, nil
	case []any:
		parsed := make([]any, len(v))
		for i, child := range v {
			var err error
			if parsed[i], err = parseMarks(child); err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
		}
		return parsed, nil
	default:
		return value, nil
	}
}

func parseMarked(text string) (any, error) {
	found := mark.FindAllStringSubmatchIndex(text, -1)
	if found == nil {
		return text, nil
	}
	parsed, end := &marked{}, 0
	for _, at := range found {
		part := markedPart{before: text[end:at[0]], form: text[at[2]:at[3]], name: text[at[4]:at[5]]}
		if _, ok := timeLayouts[strings.TrimSuffix(part.name, past)]; part.form == "time" && !ok {
			return nil, fmt.Errorf("unknown mark %s", text[at[0]:at[1]])
		}
		parsed.parts = append(parsed.parts, part)
		end = at[1]
	}
	parsed.end = text[end:]
	return parsed, nil
}

// filler fills in the marks of one notification: a name stands for the same identifier everywhere in it, and in the
// notifications of other event types that are made from the same draw, so that what belongs together is related.
type filler struct {
	draw      [2]uint64 // what makes this notification's identifiers its own
	now       time.Time
	eventType string
}

// identity derives an identifier from what was drawn and its name, so that the order of filling in does not matter.
func (f filler) identity(name string) [16]byte {
	buffer := make([]byte, 0, 96)
	buffer = binary.BigEndian.AppendUint64(buffer, f.draw[0])
	buffer = binary.BigEndian.AppendUint64(buffer, f.draw[1])
	buffer = append(buffer, name...)
	buffer = append(buffer, f.own(name)...)
	sum := sha256.Sum256(buffer)
	var id [16]byte
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// own tells apart, between event types, the few identifiers that belong to a message and not to what it is about: the
// message's, the audit event's, and the API request's, which start, end and error of one request share.
func (f filler) own(name string) string {
	switch name {
	case "message_id", "_unique_id", "event":
		return f.eventType
	case "request":
		if i := strings.LastIndexByte(f.eventType, '.'); i > 0 && slices.Contains(phases, f.eventType[i+1:]) {
			return f.eventType[:i]
		}
		return f.eventType
	default:
		return ""
	}
}

var phases = []string{"start", "end", "error", "success"}

// fill returns a copy of what parseMarks made with the marks filled in.
func (f filler) fill(value any) any { return fillMarks(value, f.value) }

// fillMarks returns a copy of what parseMarks made in which each mark is what fill makes of its form and name.
func fillMarks(value any, fill func(form, name string) string) any {
	switch v := value.(type) {
	case *marked:
		return v.filled(fill)
	case map[string]any:
		filled := make(map[string]any, len(v))
		for key, child := range v {
			filled[key] = fillMarks(child, fill)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, child := range v {
			filled[i] = fillMarks(child, fill)
		}
		return filled
	default:
		return value
	}
}

func (m *marked) filled(fill func(form, name string) string) string {
	if len(m.parts) == 1 && m.parts[0].before == "" && m.end == "" {
		return fill(m.parts[0].form, m.parts[0].name)
	}
	var filled strings.Builder
	for _, part := range m.parts {
		filled.WriteString(part.before)
		filled.WriteString(fill(part.form, part.name))
	}
	filled.WriteString(m.end)
	return filled.String()
}

// timeLayouts are the ways in which services write the time.
var timeLayouts = map[string]string{
	"oslo":    "2006-01-02 15:04:05.000000",
	"cadf":    "2006-01-02T15:04:05.000000+0000",
	"iso":     "2006-01-02T15:04:05Z",
	"naive":   "2006-01-02T15:04:05.000000",
	"python":  "2006-01-02 15:04:05+00:00",
	"seconds": "2006-01-02 15:04:05",
}

// past ends the name of a <time:> of something that is older than the notification.
const past = "-past"

func (f filler) value(form, name string) string {
	if form == "time" {
		now, layout := f.now.UTC(), strings.TrimSuffix(name, past)
		if layout != name {
			now = now.Add(-26 * time.Hour)
		}
		return now.Format(timeLayouts[layout])
	}
	id := f.identity(name)
	switch form {
	case "uuid":
		return uuid.UUID(id).String()
	case "uuid5":
		id[6] = id[6]&0x0f | 0x50 // what pycadf makes
		return uuid.UUID(id).String()
	case "hex":
		return hex.EncodeToString(id[:])
	case "short":
		return hex.EncodeToString(id[:4])
	case "pod":
		return podSuffix(id)
	default: // mac: locally administered, unicast
		return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", id[0], id[1], id[2], id[3], id[4])
	}
}

// podSuffix is what a Deployment adds to its pods' names, which oslo uses as the host of a publisher.
func podSuffix(id [16]byte) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	var random [5]byte
	for i := range random {
		random[i] = alphabet[int(id[5+i])%len(alphabet)]
	}
	return hex.EncodeToString(id[:5]) + "-" + string(random[:])
}
