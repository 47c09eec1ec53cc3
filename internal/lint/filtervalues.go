package lint

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
)

// matching are the texts that a regular expression matches.
func matching(expression string, texts []string) []string {
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil
	}
	var found []string
	for _, text := range texts {
		if compiled.MatchString(text) {
			found = append(found, text)
		}
	}
	return found
}

func equals(c aev1.Comparator) bool { return c == aev1.EmptyComparator || c == aev1.EqualTo }

// numbersMeet reports whether a number can satisfy both comparisons.
func numbersMeet(c1 aev1.Comparator, v1 string, c2 aev1.Comparator, v2 string) bool {
	a, errA := strconv.ParseFloat(v1, 64)
	b, errB := strconv.ParseFloat(v2, 64)
	if errA != nil || errB != nil {
		return true
	}
	holds := func(c aev1.Comparator, x, limit float64) bool {
		switch c {
		case aev1.GreaterThanOrEqualTo:
			return x >= limit
		case aev1.GreaterThan:
			return x > limit
		case aev1.LessThan:
			return x < limit
		case aev1.LessThanOrEqualTo:
			return x <= limit
		case aev1.NotEqualTo:
			return x != limit
		}
		return x == limit
	}
	// If any number does, one of these does: the limits, just beside them, between them.
	for _, x := range []float64{a, b, math.Nextafter(a, math.Inf(1)), math.Nextafter(a, math.Inf(-1)), math.Nextafter(b, math.Inf(1)), math.Nextafter(b, math.Inf(-1)), a/2 + b/2} {
		if holds(c1, x, a) && holds(c2, x, b) {
			return true
		}
	}
	return false
}

// stringsMeet reports whether a text may match both regular expressions; false only where that is certain.
func (f dataFilter) stringsMeet(a, b string) bool {
	first, second := meaning(a), meaning(b)
	if first.whole() && second.literal {
		return matches(b, first.text)
	}
	if second.whole() && first.literal {
		return matches(a, second.text)
	}
	if !f.byType() {
		return true
	}
	types := eventTypes(outcomeSamples(f.outcomes))
	passA, passB := matching(a, types), matching(b, types)
	return len(passA) == 0 || len(passB) == 0 || slices.ContainsFunc(passA, func(t string) bool { return slices.Contains(passB, t) })
}

func matches(expression, text string) bool { return len(matching(expression, []string{text})) > 0 }

// meant is what the writer of a regular expression most likely wanted it to match.
type meant struct {
	literal    bool   // it stands for one text, dots taken as dots
	text       string // that
	start, end bool   // it is anchored there
}

// whole reports whether nothing but the text can match, dots aside.
func (m meant) whole() bool { return m.literal && m.start && m.end }

func meaning(expression string) meant {
	m := meant{}
	expression, m.start = strings.CutPrefix(expression, "^")
	if !strings.HasSuffix(expression, `\$`) {
		expression, m.end = strings.CutSuffix(expression, "$")
	}
	var text strings.Builder
	for i := 0; i < len(expression); i++ {
		c := expression[i]
		if c == '\\' && i+1 < len(expression) && strings.IndexByte(`.-\_/`, expression[i+1]) >= 0 {
			i++
			text.WriteByte(expression[i])
			continue
		}
		if strings.IndexByte(`\+*?()|[]{}^$`, c) >= 0 {
			return m
		}
		text.WriteByte(c)
	}
	m.literal, m.text = true, text.String()
	return m
}

func listed(texts []string, limit int) string {
	if len(texts) > limit {
		return strings.Join(texts[:limit], ", ") + fmt.Sprintf(" and %d more", len(texts)-limit)
	}
	return strings.Join(texts, ", ")
}

// quoted finds texts in quotes: what `when` and other conditions compare with.
var quoted = regexp.MustCompile(`["']([A-Za-z][A-Za-z0-9 _.-]{2,60})["']|[=!]=\s*([A-Za-z][A-Za-z0-9_.-]{2,60})`)

// literals are the values that conditions in the manifests compare with: `when` of steps and tasks.
var literals = NewFact(func(in *Input) []string {
	found := map[string]bool{}
	var walk func(value any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				if text, ok := inner.(string); ok && key == "when" {
					for _, match := range quoted.FindAllStringSubmatch(text, -1) {
						found[match[1]+match[2]] = true
					}
				}
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	for _, object := range in.Graph.Objects {
		walk(object.Object)
	}
	delete(found, "")
	all := make([]string, 0, len(found))
	for text := range found {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
})
