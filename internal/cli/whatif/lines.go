package whatif

import (
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

const (
	around  = 2  // lines of context beside what differs
	longest = 60 // lines that are shown at most
)

// unified compares texts line by line; each line starts with -, + or a space, and … stands for lines that are the same.
func unified(old, now string) []string {
	d := diffmatchpatch.New()
	a, b, lines := d.DiffLinesToChars(ended(old), ended(now))
	var all []string
	parts := d.DiffCharsToLines(d.DiffMain(a, b, false), lines)
	for i, part := range parts {
		texts := strings.Split(strings.TrimSuffix(part.Text, "\n"), "\n")
		switch part.Type {
		case diffmatchpatch.DiffDelete:
			all = append(all, marked("-", texts)...)
		case diffmatchpatch.DiffInsert:
			all = append(all, marked("+", texts)...)
		case diffmatchpatch.DiffEqual:
			all = append(all, kept(texts, i > 0, i < len(parts)-1)...)
		}
	}
	if len(all) > longest {
		all = append(all[:longest:longest], "…")
	}
	return all
}

// ended ends a text with a line feed, so that its last line is one like the others.
func ended(text string) string { return strings.TrimSuffix(text, "\n") + "\n" }

func marked(mark string, lines []string) []string {
	all := make([]string, 0, len(lines))
	for _, line := range lines {
		all = append(all, mark+line)
	}
	return all
}

// kept are, of lines that are the same, those next to what differs.
func kept(lines []string, before, after bool) []string {
	first, last := 0, 0
	if before {
		first = min(around, len(lines))
	}
	if after {
		last = min(around, len(lines)-first)
	}
	all := marked(" ", lines[:first])
	if first+last < len(lines) {
		all = append(all, "…")
	}
	return append(all, marked(" ", lines[len(lines)-last:])...)
}
