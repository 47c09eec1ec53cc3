package oslo

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

var mark = regexp.MustCompile(`<(uuid|hex|short|pod|mac|time):([a-z0-9_-]+)>`)

// filler fills in the marks of one notification: a name stands for the same identifier everywhere in it.
type filler struct {
	draw [2]uint64 // what makes this notification's identifiers its own
	now  time.Time
}

// identity derives an identifier from what was drawn and its name, so that the order of filling in does not matter.
func (f filler) identity(name string) [16]byte {
	var seed [16]byte
	binary.BigEndian.PutUint64(seed[:], f.draw[0])
	binary.BigEndian.PutUint64(seed[8:], f.draw[1])
	sum := sha256.Sum256(append(seed[:], name...))
	var id [16]byte
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// fill returns a copy of a JSON value with the marks in its strings filled in.
func (f filler) fill(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return f.text(v)
	case map[string]any:
		filled := make(map[string]any, len(v))
		for key, child := range v {
			var err error
			if filled[key], err = f.fill(child); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
		return filled, nil
	case []any:
		filled := make([]any, len(v))
		for i, child := range v {
			var err error
			if filled[i], err = f.fill(child); err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
		}
		return filled, nil
	default:
		return value, nil
	}
}

func (f filler) text(text string) (string, error) {
	var unknown error
	filled := mark.ReplaceAllStringFunc(text, func(found string) string {
		parts := mark.FindStringSubmatch(found)
		value, err := f.value(parts[1], parts[2])
		if err != nil {
			unknown = err
		}
		return value
	})
	return filled, unknown
}

// timeLayouts are the ways in which services write the time.
var timeLayouts = map[string]string{
	"oslo":   "2006-01-02 15:04:05.000000",
	"cadf":   "2006-01-02T15:04:05.000000+0000",
	"iso":    "2006-01-02T15:04:05Z",
	"naive":  "2006-01-02T15:04:05.000000",
	"python": "2006-01-02 15:04:05+00:00",
}

func (f filler) value(form, name string) (string, error) {
	id := f.identity(name)
	switch form {
	case "uuid":
		return uuid.UUID(id).String(), nil
	case "hex":
		return hex.EncodeToString(id[:]), nil
	case "short":
		return hex.EncodeToString(id[:4]), nil
	case "pod":
		return podSuffix(id), nil
	case "mac":
		// Locally administered, unicast.
		return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", id[0], id[1], id[2], id[3], id[4]), nil
	default: // time
		now := f.now.UTC()
		if name == "iso-past" {
			name, now = "iso", now.Add(-26*time.Hour)
		}
		layout, ok := timeLayouts[name]
		if !ok {
			return "", fmt.Errorf("unknown mark <time:%s>", name)
		}
		return now.Format(layout), nil
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
