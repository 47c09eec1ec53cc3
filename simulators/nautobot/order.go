package nautobot

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Lists are kept in order by one text per record, made of its ordering fields so that comparing bytes compares them.
// Null comes last, as PostgreSQL has it.

const (
	sortBreak = "\x00"
	sortNull  = "\xff"
)

// orderOf makes the text that a record is sorted by.
func (s *store) orderOf(m *model, r *record) string {
	var b strings.Builder
	for _, name := range m.order {
		descending := strings.HasPrefix(name, "-")
		name = strings.TrimPrefix(name, "-")
		natural := strings.HasPrefix(name, "_")
		name = strings.TrimPrefix(name, "_")
		part := s.orderPart(m, r, name, natural)
		if descending {
			part = inverted(part)
		}
		b.WriteString(part)
		b.WriteString(sortBreak)
	}
	return b.String()
}

func (s *store) orderPart(m *model, r *record, name string, natural bool) string {
	switch name {
	case "created":
		return r.created
	case "id":
		return r.id
	}
	f := m.field(name)
	value := r.values[f.at]
	if value == nil {
		return sortNull
	}
	switch {
	case f.kind == related:
		id, _ := value.(string)
		other := s.tables[f.to].byID[id]
		if other == nil {
			return sortNull
		}
		return other.order
	case natural:
		words, _ := value.(string)
		if m.class == "Interface" || m.class == "VMInterface" || m.class == "InterfaceTemplate" {
			return naturalInterface(words)
		}
		return naturalText(words)
	case name == "host" || name == "network":
		words, _ := value.(string)
		if ip, err := netip.ParseAddr(words); err == nil {
			return string(ip.AsSlice())
		}
	}
	return sortText(value)
}

func inverted(part string) string {
	bytes := []byte(part)
	for i := range bytes {
		bytes[i] = ^bytes[i]
	}
	return string(bytes)
}

func sortText(value any) string {
	switch value := value.(type) {
	case nil:
		return sortNull
	case string:
		return value
	case int64:
		return sortNumber(value)
	case bool:
		if value {
			return "1"
		}
		return "0"
	default:
		return fmt.Sprint(value)
	}
}

// sortNumber writes a number so that its text sorts as the number does.
func sortNumber(number int64) string { return fmt.Sprintf("%020d", uint64(number)+1<<63) }

var digits = regexp.MustCompile(`\d+`)

// naturalText is Nautobot's naturalize (core/utils/ordering.py): numbers inside a text padded to eight digits.
func naturalText(words string) string {
	return digits.ReplaceAllStringFunc(words, func(number string) string { return pad(number, 8) })
}

func pad(number string, width int) string {
	if len(number) >= width {
		return number
	}
	return strings.Repeat("0", width-len(number)) + number
}

var interfaceName = regexp.MustCompile(`^([^\d.:]+)?(?:(\d+)/)?(?:(\d+)/)?(?:(\d+)/)?(?:(\d+)/)?(\d+)?(?::(\d+))?(?:\.(\d+)$)?`)

// naturalInterface is Nautobot's naturalize_interface: slots first, then the type, then port, channel and unit.
func naturalInterface(words string) string {
	parts := interfaceName.FindStringSubmatch(words)
	if parts == nil {
		return words
	}
	var b strings.Builder
	for _, slot := range parts[2:6] {
		if slot == "" {
			slot = "9999"
		}
		b.WriteString(pad(slot, 4))
	}
	b.WriteString(parts[1])
	for _, number := range parts[6:9] {
		b.WriteString(pad(number, 6))
	}
	// What the pattern leaves over keeps names apart that differ only there.
	b.WriteString(words[len(parts[0]):])
	return b.String()
}
