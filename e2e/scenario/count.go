package scenario

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

// Count is a number of things: exact (1), at least (">=1"), at most ("<=3") or a range ("1..3").
type Count struct {
	Min, Max int // Max is math.MaxInt where there is no upper bound
}

// Exactly returns the count n.
func Exactly(n int) Count { return Count{n, n} }

// AtLeast returns the count of n or more.
func AtLeast(n int) Count { return Count{n, math.MaxInt} }

// ParseCount reads a count as it is written in a scenario.
func ParseCount(text string) (Count, error) {
	text = strings.TrimSpace(text)
	number := func(s string) (int, error) {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 0 {
			return 0, fmt.Errorf(`%q is not a count: write 1, ">=1", "<=3" or "1..3"`, text)
		}
		return n, nil
	}
	if rest, ok := strings.CutPrefix(text, ">="); ok {
		n, err := number(rest)
		return Count{n, math.MaxInt}, err
	}
	if rest, ok := strings.CutPrefix(text, "<="); ok {
		n, err := number(rest)
		return Count{0, n}, err
	}
	if low, high, ok := strings.Cut(text, ".."); ok {
		from, err := number(low)
		if err != nil {
			return Count{}, err
		}
		to, err := number(high)
		if err != nil {
			return Count{}, err
		}
		if to < from {
			return Count{}, fmt.Errorf("%q is not a count: the range is empty", text)
		}
		return Count{from, to}, nil
	}
	n, err := number(text)
	return Count{n, n}, err
}

// Holds says whether n satisfies the count.
func (c Count) Holds(n int) bool { return n >= c.Min && n <= c.Max }

// Exceeded says whether n is already more than the count admits, so that waiting cannot help.
func (c Count) Exceeded(n int) bool { return n > c.Max }

// String writes the count as it is written in a scenario.
func (c Count) String() string {
	switch {
	case c.Min == c.Max:
		return strconv.Itoa(c.Min)
	case c.Max == math.MaxInt:
		return ">=" + strconv.Itoa(c.Min)
	case c.Min == 0:
		return "<=" + strconv.Itoa(c.Max)
	default:
		return fmt.Sprintf("%d..%d", c.Min, c.Max)
	}
}

// UnmarshalYAML reads a number or a string.
func (c *Count) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return fmt.Errorf(`line %d: a count is a number or a string such as ">=1"`, node.Line)
	}
	parsed, err := ParseCount(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	*c = parsed
	return nil
}

// MarshalYAML writes the count as it is read.
func (c Count) MarshalYAML() (any, error) {
	if c.Min == c.Max {
		return c.Min, nil
	}
	return c.String(), nil
}

// MarshalJSON writes the count as it is read.
func (c Count) MarshalJSON() ([]byte, error) {
	if c.Min == c.Max {
		return json.Marshal(c.Min)
	}
	return json.Marshal(c.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Count) UnmarshalJSON(data []byte) error {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(data, &text); err != nil {
			return fmt.Errorf("read a count: %w", err)
		}
	}
	parsed, err := ParseCount(text)
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// JSONSchema describes a count.
func (Count) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: json.Number("0")},
			{Type: "string", Pattern: `^\s*((>=|<=)\s*\d+|\d+\s*\.\.\s*\d+|\d+)\s*$`},
		},
		Description: `a number, or ">=1", "<=3", "1..3"`,
	}
}
