// Package nearest finds the name that a typing mistake was meant to be, for "did you mean" in error messages.
//
// In go the name as it was written and those that there are; out come the closest, by the number of letters to insert,
// remove, replace or swap with the next. Case, dashes and underscores do not count.
package nearest

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// most is how many edits a typing mistake is taken to have, however long the name: names of one family, such as
// openstack-nova and openstack-ironic, have more.
const most = 3

// Name returns the candidate that name is most likely meant to be, or "" when none is close: each edit needs three letters
// beside it.
func Name(name string, candidates []string) string {
	best, distance := "", most+1
	folded := fold(name)
	for _, candidate := range candidates {
		other := fold(candidate)
		letters := min(utf8.RuneCountInString(folded), utf8.RuneCountInString(other))
		if d := edits(folded, other); d < distance && d <= max(1, letters/3) && d < letters {
			best, distance = candidate, d
		}
	}
	return best
}

// Names returns the n candidates closest to name, however far they are; of equally close ones the earlier first.
func Names(name string, candidates []string, n int) []string {
	distances := make(map[string]int, len(candidates))
	for _, candidate := range candidates {
		distances[candidate] = edits(fold(name), fold(candidate))
	}
	sorted := slices.Clone(candidates)
	slices.SortStableFunc(sorted, func(a, b string) int { return distances[a] - distances[b] })
	return sorted[:min(n, len(sorted))]
}

// marks do not count. One is made for all: making a Replacer costs more than what it is used for.
var marks = strings.NewReplacer("-", "", "_", "")

func fold(s string) string { return marks.Replace(strings.ToLower(s)) }

// edits is the number of letters to insert, remove, replace or swap with the next to make b of a.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	all := make([]int, 3*(len(y)+1))
	above, last, row := all[:len(y)+1], all[len(y)+1:2*(len(y)+1)], all[2*(len(y)+1):]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], above[j-2]+1)
			}
		}
		above, last, row = last, row, above
	}
	return last[len(y)]
}
