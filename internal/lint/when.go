package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Knetic/govaluate"
)

// condition is a `when` with the places in it that Argo Workflows fills in before it evaluates it.
type condition struct {
	text  string
	parts []string // the text around the places: one more than there are places
	slots []slot
}

// slot is a place in a condition: one {{...}}.
type slot struct {
	tag    string
	quoted bool // it stands between quotes
}

// other is a value that no condition names.
const other = "x1other"

// maxTries bounds how many combinations of values a condition is evaluated with.
const maxTries = 400

// parseWhen takes a condition apart; ok is false where it holds an expression ({{=...}}), of which nothing is said.
func parseWhen(text string) (c condition, ok bool) {
	c.text = text
	var quote rune
	last := 0
	for _, match := range tag.FindAllStringSubmatchIndex(text, -1) {
		name := strings.TrimSpace(text[match[2]:match[3]])
		if strings.HasPrefix(name, "=") {
			return c, false
		}
		for _, r := range text[last:match[0]] {
			switch {
			case quote == 0 && (r == '\'' || r == '"'):
				quote = r
			case r == quote:
				quote = 0
			}
		}
		c.parts = append(c.parts, text[last:match[0]])
		c.slots = append(c.slots, slot{name, quote != 0})
		last = match[1]
	}
	c.parts = append(c.parts, text[last:])
	return c, true
}

// fill puts values into the condition, by what its places name.
func (c condition) fill(values map[string]string) string {
	var text strings.Builder
	for i, part := range c.parts {
		text.WriteString(part)
		if i < len(c.slots) {
			text.WriteString(values[c.slots[i].tag])
		}
	}
	return text.String()
}

// tags are what the condition's places name, each once.
func (c condition) tags() []string {
	var names []string
	for _, one := range c.slots {
		if !slices.Contains(names, one.tag) {
			names = append(names, one.tag)
		}
	}
	return names
}

// unquoted are the tags that stand somewhere without quotes.
func (c condition) unquoted() []string {
	var names []string
	for _, one := range c.slots {
		if !one.quoted && !slices.Contains(names, one.tag) {
			names = append(names, one.tag)
		}
	}
	return names
}

// evaluateWhen evaluates a condition that is filled in, as shouldExecute of argo-workflows v3.7.15 does: words without quotes
// are text.
func evaluateWhen(text string) (truth bool, err error) {
	defer recovered(&err)
	expression, err := govaluate.NewEvaluableExpression(text)
	if err != nil {
		return false, err
	}
	tokens := expression.Tokens()
	for i := range tokens {
		if tokens[i].Kind == govaluate.VARIABLE {
			tokens[i].Kind = govaluate.STRING
		}
	}
	if expression, err = govaluate.NewEvaluableExpressionFromTokens(tokens); err != nil {
		return false, err
	}
	result, err := expression.Evaluate(nil)
	if err != nil {
		return false, err
	}
	truth, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("it gives %v, which is neither true nor false", result)
	}
	return truth, nil
}

// recovered makes an error of a panic: govaluate panics at some input, and the controller then ends the Workflow in Error.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("govaluate gives up: %v", reason)
	}
}

// tokens are those of the condition with a value in each place that it does not name; none where it does not parse.
func (c condition) tokens() (tokens []govaluate.ExpressionToken) {
	var err error
	defer recovered(&err)
	values := map[string]string{}
	for _, name := range c.tags() {
		values[name] = other
	}
	expression, err := govaluate.NewEvaluableExpression(c.fill(values))
	if err != nil {
		return nil
	}
	return expression.Tokens()
}

// literals are the values that a condition compares with.
func (c condition) literals() []string {
	var found []string
	for _, token := range c.tokens() {
		switch token.Kind {
		case govaluate.STRING, govaluate.VARIABLE, govaluate.NUMERIC, govaluate.BOOLEAN:
			if text := fmt.Sprint(token.Value); !slices.Contains(found, text) && !strings.Contains(text, other) {
				found = append(found, text)
			}
		}
	}
	return found
}

// equalities reports whether the condition only compares for equality, so that its literals and one other value stand for all.
func (c condition) equalities() bool {
	tokens := c.tokens()
	for _, token := range tokens {
		switch token.Kind {
		case govaluate.COMPARATOR:
			if token.Value != "==" && token.Value != "!=" {
				return false
			}
		case govaluate.STRING:
			// Text around a place, as in "a-{{b}}", takes more values than were tried.
			if text := fmt.Sprint(token.Value); strings.Contains(text, other) && text != other {
				return false
			}
		case govaluate.VARIABLE, govaluate.NUMERIC, govaluate.BOOLEAN, govaluate.LOGICALOP, govaluate.CLAUSE, govaluate.CLAUSE_CLOSE:
		case govaluate.PREFIX:
			if token.Value != "!" {
				return false
			}
		default:
			return false
		}
	}
	return len(tokens) > 0
}

// trial is what came of a condition with some values.
type trial struct {
	values map[string]string
	truth  bool
	err    error
}

// try evaluates the condition with all combinations of the values that its tags can have.
func (c condition) try(domain map[string][]string) (trials []trial, all bool) {
	names := c.tags()
	total := 1
	for _, name := range names {
		if total *= max(len(domain[name]), 1); total > maxTries {
			return nil, false
		}
	}
	for n := range total {
		values := map[string]string{}
		for _, name := range names {
			if list := domain[name]; len(list) > 0 {
				values[name] = list[n%len(list)]
				n /= len(list)
			}
		}
		truth, err := evaluateWhen(c.fill(values))
		trials = append(trials, trial{values, truth, err})
	}
	return trials, true
}

// breaks returns why a condition cannot be evaluated, whatever its unquoted values are; nil where some choice of these always
// gives an answer.
func (c condition) breaks(trials []trial) error {
	unquoted := c.unquoted()
	failed := map[string]error{}
	for _, one := range trials {
		var key strings.Builder
		for _, name := range unquoted {
			key.WriteString(one.values[name] + "\x00")
		}
		if failed[key.String()] == nil {
			failed[key.String()] = one.err
		}
	}
	var first error
	for _, one := range trials {
		var key strings.Builder
		for _, name := range unquoted {
			key.WriteString(one.values[name] + "\x00")
		}
		if failed[key.String()] == nil {
			return nil
		}
		if first == nil {
			first = failed[key.String()]
		}
	}
	return first
}
