package evaluate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/tidwall/gjson"

	"github.com/eventrig/eventrig/internal/nearest"
)

// dataCheck explains one data filter. Whether it passes is argo-events' word.
func dataCheck(event *aev1.Event, f aev1.DataFilter, operator aev1.LogicalOperator, known *answer) Check {
	c := Check{Path: f.Path, Type: string(f.Type), Comparator: string(f.Comparator), Want: f.Value, Template: f.Template}
	if c.Comparator == "" {
		c.Comparator = "="
	}
	c.ask(event, &aev1.EventDependencyFilter{Data: []aev1.DataFilter{f}, DataLogicalOperator: operator}, known)
	if event.Data == nil || !gjson.ValidBytes(event.Data) {
		return c
	}
	seen := gjson.GetBytes(event.Data, f.Path)
	if !seen.Exists() {
		c.Hint = missing(event.Data, f.Path)
		return c
	}
	c.Got = raw(seen)
	if f.Template != "" {
		c.Notes = append(c.Notes, "compared after the template "+f.Template)
		return c
	}
	switch f.Type {
	case aev1.JSONTypeString:
		c.text(seen, f)
	case aev1.JSONTypeNumber:
		c.number(seen)
	case aev1.JSONTypeBool:
		c.boolean(seen)
	}
	return c
}

// raw is a value as JSON; gjson leaves some of its own making without text.
func raw(value gjson.Result) json.RawMessage {
	if value.Raw != "" && json.Valid([]byte(value.Raw)) {
		return json.RawMessage(value.Raw)
	}
	encoded, err := json.Marshal(value.Value())
	if err != nil {
		return quoted(value.String())
	}
	return encoded
}

// text explains a comparison as text: each value is a regular expression that may match anywhere.
func (c *Check) text(seen gjson.Result, f aev1.DataFilter) {
	got := seen.String()
	switch seen.Type {
	case gjson.Null:
		c.Compared = got
		c.note("null is compared as an empty text")
	case gjson.Number, gjson.True, gjson.False, gjson.JSON:
		c.Compared = got
		c.note("the value is no text; it is compared as the text %s", strconv.Quote(shorten(got, 60)))
	}
	if f.Comparator == aev1.NotEqualTo {
		if len(f.Value) > 1 {
			c.note("!= with several values is met as soon as one of them does not match")
		}
	} else if f.Comparator != "" && f.Comparator != aev1.EqualTo {
		c.note("texts are compared by = and != only: %s is never met", f.Comparator)
		return
	}
	for _, value := range f.Value {
		expression := patternOf(value)
		if expression.part == nil {
			return // argo-events says so
		}
		at := expression.part.FindStringIndex(got)
		if at == nil {
			continue
		}
		if f.Comparator == aev1.NotEqualTo {
			c.Hint = fmt.Sprintf("%s is matched by %s", strconv.Quote(shorten(got, 60)), strconv.Quote(value))
			return
		}
		whole := expression.whole != nil && expression.whole.MatchString(got)
		switch {
		case expression.whole != nil && !whole && !anchored(value):
			c.note("%s matches only the part %s: values are regular expressions that may match anywhere; ^%s$ is the whole value", strconv.Quote(value), strconv.Quote(got[at[0]:at[1]]), value)
		case value != got && literalLooking(value) && whole:
			c.note("%s is a regular expression, in which a dot is any character: that is why it matches", strconv.Quote(value))
		}
		return
	}
	if f.Comparator == aev1.NotEqualTo {
		return
	}
	c.Hint = closest(got, f.Value)
}

// pattern is a filter's value as the regular expression that it is.
type pattern struct {
	part, whole *regexp.Regexp // as argo-events matches it, and from start to end; nil where it is no expression
	literal     bool           // it is a text as it is written, or was meant to be one
}

// patterns holds those of all values seen: they come from manifests, so that there are few, and each event meets all.
var patterns sync.Map

func patternOf(value string) *pattern {
	if known, ok := patterns.Load(value); ok {
		return known.(*pattern)
	}
	p := &pattern{}
	if part, err := regexp.Compile(value); err == nil {
		p.part = part
	}
	if whole, err := regexp.Compile(`^(?:` + value + `)$`); err == nil {
		p.whole = whole
	}
	if parsed, err := syntax.Parse(value, syntax.Perl); err == nil {
		p.literal = parsed.Op == syntax.OpLiteral || names.MatchString(value)
	}
	known, _ := patterns.LoadOrStore(value, p)
	return known.(*pattern)
}

// anchored says whether an expression says itself where it starts or ends.
func anchored(value string) bool {
	return strings.HasPrefix(value, "^") || strings.HasSuffix(value, "$")
}

var names = regexp.MustCompile(`^[A-Za-z0-9_. -]+$`)

// literalLooking says whether a value was probably meant to be taken as it is written.
func literalLooking(value string) bool {
	return names.MatchString(value) && strings.Contains(value, ".")
}

// oneMark takes what joins words for one.
var oneMark = strings.NewReplacer("-", "_", " ", "_", ".", "_")

// closest names a wanted value that is almost the one seen.
func closest(got string, wanted []string) string {
	var literal []string
	for _, value := range wanted {
		if patternOf(value).literal {
			literal = append(literal, value)
		}
	}
	for _, value := range literal {
		switch {
		case strings.EqualFold(value, got):
			return fmt.Sprintf("the value differs only in upper and lower case from %s; (?i)%s matches both", strconv.Quote(value), value)
		case strings.TrimSpace(value) == strings.TrimSpace(got):
			return fmt.Sprintf("the value differs only in white space from %s", strconv.Quote(value))
		case len(value) == len(got) && oneMark.Replace(value) == oneMark.Replace(got):
			return fmt.Sprintf("the value differs only in dashes, underscores, dots or spaces from %s", strconv.Quote(value))
		}
	}
	if near := nearest.Name(got, literal); near != "" && similar(got, near) {
		return fmt.Sprintf("did you mean %s?", strconv.Quote(near))
	}
	return ""
}

// similar says whether two texts differ at one place of at most three letters.
func similar(a, b string) bool {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return start+end >= 4 && len(a)-start-end <= 3 && len(b)-start-end <= 3
}

// number explains a comparison as numbers.
func (c *Check) number(seen gjson.Result) {
	if seen.Type == gjson.Number {
		return
	}
	c.Compared = strconv.FormatFloat(seen.Float(), 'g', -1, 64)
	switch seen.Type {
	case gjson.String:
		if _, err := strconv.ParseFloat(seen.String(), 64); err != nil {
			c.note("the value is a text that is no number, and counts as %s", c.Compared)
			return
		}
		c.note("the value is a text, and counts as the number %s", c.Compared)
	case gjson.Null:
		c.note("null counts as 0")
	default:
		c.note("the value is no number, and counts as %s", c.Compared)
	}
}

// boolean explains a comparison as true and false.
func (c *Check) boolean(seen gjson.Result) {
	if c.Comparator != "=" {
		c.note("the comparator %s has no effect on bool: it is always =", c.Comparator)
	}
	if seen.Type == gjson.True || seen.Type == gjson.False {
		return
	}
	c.Compared = strconv.FormatBool(seen.Bool())
	c.note("the value is neither true nor false, and counts as %s", c.Compared)
}

func (c *Check) note(format string, values ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, values...))
}
