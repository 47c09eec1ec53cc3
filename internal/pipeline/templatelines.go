package pipeline

import (
	"math"
	"slices"
	"strings"
)

// templateLine is one line of a template's text, with an action that spans several lines counted to the first of them.
type templateLine struct {
	number  int      // in the file, from 1
	literal []string // the text between actions, without the space around the line; one element: no action in it
}

// plain reports whether the line has no action.
func (l templateLine) plain() bool { return len(l.literal) == 1 }

// bare reports whether the line is nothing but actions.
func (l templateLine) bare() bool {
	return !l.plain() && !slices.ContainsFunc(l.literal, func(text string) bool { return strings.TrimSpace(text) != "" })
}

// matches reports whether the line can render to the text.
func (l templateLine) matches(text string) bool {
	first, last := l.literal[0], l.literal[len(l.literal)-1]
	if l.plain() {
		return first == text
	}
	// What an action makes may begin or end with space of its own, or with the line's end.
	first, last = strings.TrimRight(first, " \t"), strings.TrimLeft(last, " \t")
	if !strings.HasPrefix(text, first) || len(text) < len(first)+len(last) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range l.literal[1 : len(l.literal)-1] {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = rest
	}
	return true
}

// splitTemplate takes a template's text apart into lines.
func splitTemplate(text string) []templateLine {
	var lines []templateLine
	number, current, start := 1, []string{""}, 1
	flush := func() {
		current[0] = strings.TrimLeft(current[0], " \t")
		current[len(current)-1] = strings.TrimRight(current[len(current)-1], " \t\r")
		lines = append(lines, templateLine{start, current})
		current = []string{""}
	}
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, "{{"):
			end := actionEnd(text)
			number += strings.Count(text[:end], "\n")
			text = text[end:]
			current = append(current, "")
		case text[0] == '\n':
			flush()
			number++
			start, text = number, text[1:]
		default:
			end := strings.IndexAny(text, "\n{")
			if end < 0 {
				end = len(text)
			} else if end == 0 {
				end = 1
			}
			current[len(current)-1] += text[:end]
			text = text[end:]
		}
	}
	flush()
	return lines
}

// actionEnd is the length of the action that the text begins with: its end is not looked for inside strings or comments.
func actionEnd(text string) int {
	if inner := strings.TrimLeft(text[2:], "- \t\r\n"); strings.HasPrefix(inner, "/*") {
		if end := strings.Index(text, "*/"); end >= 0 {
			if closed := strings.Index(text[end:], "}}"); closed >= 0 {
				return end + closed + 2
			}
		}
		return len(text)
	}
	for i := 2; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			quote := text[i]
			for i++; i < len(text) && text[i] != quote; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '`':
			for i++; i < len(text) && text[i] != '`'; i++ {
			}
		case '}':
			if strings.HasPrefix(text[i:], "}}") {
				return i + 2
			}
		}
	}
	return len(text)
}

// Costs of a step in aligning: what speaks against a rendered line having come from a template line.
const (
	costSkipped = 0.2 // for each plain line that is passed over, up to maxSkipped
	maxSkipped  = 1.2
	costBack    = 2.0 // a loop's next round
	costPattern = 0.3 // the line has actions, so it fits more than one text
	costBare    = 1.5 // the line is nothing but actions, so it fits everything
	costRepeat  = 1.0 // a bare line made the line before as well
	costUnknown = 3.0
	// beam bounds how many alignments are followed at once.
	beam = 24
	// maxTemplate bounds what is aligned, in lines of either side.
	maxTemplate = 20000
)

// templateLines tells for each line of what a template renders (counted from 1) which line of the template it came from; 0
// where that is not known. Helm does not say, so the two texts are laid beside each other: the cheapest way through the
// template that could have made the text, where loops may go back and helpers may put in lines that are not in it.
func templateLines(template, rendered string) []int {
	lines, texts := splitTemplate(template), strings.Split(rendered, "\n")
	result := make([]int, len(texts)+1)
	if len(lines) > maxTemplate || len(texts) > maxTemplate {
		return result
	}
	plain := map[string][]int{}
	var patterns []int
	skipped := make([]float64, len(lines)+1) // cost of the plain lines before each line, summed up
	for i, line := range lines {
		skipped[i+1] = skipped[i]
		if line.plain() {
			plain[line.literal[0]] = append(plain[line.literal[0]], i)
			if line.literal[0] != "" && !strings.HasPrefix(line.literal[0], "#") {
				skipped[i+1] += costSkipped
			}
		} else {
			patterns = append(patterns, i)
		}
	}
	type step struct {
		line   int // in the template, from 0; that of the step before where this text is unknown
		known  bool
		cost   float64
		before int // in the steps of the text before
	}
	steps := [][]step{{{line: -1}}}
	for _, text := range texts {
		text = strings.TrimSpace(text)
		before := steps[len(steps)-1]
		var now []step
		if text == "" { // says nothing about where it came from
			for i, from := range before {
				now = append(now, step{from.line, false, from.cost, i})
			}
			steps = append(steps, now)
			continue
		}
		for i, from := range before {
			now = append(now, step{from.line, false, from.cost + costUnknown, i})
		}
		reach := func(line int, extra float64) {
			best := step{line: line, known: true, cost: math.Inf(1)}
			for i, from := range before {
				cost := from.cost + extra
				switch {
				case line > from.line:
					cost += min(skipped[line]-skipped[from.line+1], maxSkipped)
				case line == from.line && lines[line].bare():
					cost += costRepeat - extra
				default:
					cost += costBack
				}
				if cost < best.cost {
					best.cost, best.before = cost, i
				}
			}
			now = append(now, best)
		}
		for _, line := range plain[text] {
			reach(line, 0)
		}
		for _, line := range patterns {
			if lines[line].bare() {
				reach(line, costBare)
			} else if lines[line].matches(text) {
				reach(line, costPattern)
			}
		}
		slices.SortStableFunc(now, func(a, b step) int {
			switch {
			case a.cost < b.cost:
				return -1
			case a.cost > b.cost:
				return 1
			}
			return 0
		})
		// One way to each line is enough: the others can only cost more from here on.
		seen := map[[2]int]bool{}
		now = slices.DeleteFunc(now, func(s step) bool {
			key := [2]int{s.line, 0}
			if s.known {
				key[1] = 1
			}
			if seen[key] {
				return true
			}
			seen[key] = true
			return false
		})
		steps = append(steps, now[:min(beam, len(now))])
	}
	for i, at := len(texts), 0; i > 0; i-- {
		taken := steps[i][at]
		if taken.known {
			result[i] = lines[taken.line].number
		}
		at = taken.before
	}
	return result
}

// nearestLine is the line that a rendered line came from or, where that is not known, the last one before it that is.
func nearestLine(lines []int, line int) int {
	if line >= len(lines) {
		line = len(lines) - 1
	}
	for ; line > 0; line-- {
		if lines[line] > 0 {
			return lines[line]
		}
	}
	return 1
}
