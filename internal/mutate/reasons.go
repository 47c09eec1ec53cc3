package mutate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/internal/failure"
)

// Reasons say of mutants why no scenario has to notice them.
type Reasons struct {
	entries []reason
}

// reason is one entry of a file. In operator, object and path * stands for any text; without one it is any.
type reason struct {
	Operator string `yaml:"operator"`
	Object   string `yaml:"object"`
	Path     string `yaml:"path"`
	Reason   string `yaml:"reason"`

	file     string
	line     int
	patterns [3]*regexp.Regexp
	used     bool // it says why a mutant of this run survives
	mistaken bool // it fits a mutant that was killed
}

// ParseReasons reads entries: a YAML list of operator, object (KIND/NAMESPACE/NAME), path and reason. What is wrong with them
// is bad input.
func ParseReasons(file string, content []byte) (*Reasons, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, failure.New(failure.BadInput, reasonExample, "%s: not valid YAML: %w", file, err)
	}
	var entries []reason
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, failure.New(failure.BadInput, reasonExample, "%s: %w", file, err)
	}
	for i := range entries {
		one := &entries[i]
		one.file, one.line = file, 1
		if len(document.Content) > 0 && i < len(document.Content[0].Content) {
			one.line = document.Content[0].Content[i].Line
		}
		switch {
		case strings.TrimSpace(one.Reason) == "":
			return nil, failure.New(failure.BadInput, reasonExample, "%s:%d: the entry gives no reason", file, one.line)
		case one.Object == "":
			return nil, failure.New(failure.BadInput, reasonExample, "%s:%d: the entry names no object", file, one.line)
		}
		for j, text := range []string{one.Operator, one.Object, one.Path} {
			if text == "" {
				text = "*"
			}
			one.patterns[j] = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*") + "$")
		}
	}
	return &Reasons{entries}, nil
}

const reasonExample = `an entry is: - {operator: rbac-verb, object: Role/argo-events/executor, path: "rules[0].*", reason: why no scenario has to notice}`

// of is why a mutant may survive; "" where nothing says so.
func (r *Reasons) of(m *Mutant) string {
	if r == nil {
		return ""
	}
	for i := range r.entries {
		if one := &r.entries[i]; one.fits(m) {
			one.used = true
			return strings.TrimSpace(one.Reason)
		}
	}
	return ""
}

// killed notes a mutant that something kills: an entry that fits only such says nothing that is true.
func (r *Reasons) killed(m *Mutant) {
	if r == nil {
		return
	}
	for i := range r.entries {
		if one := &r.entries[i]; one.fits(m) {
			one.mistaken = true
		}
	}
}

// idle are the entries that are for nothing: each mutant of the run that they fit is killed.
func (r *Reasons) idle() []string {
	var all []string
	if r == nil {
		return all
	}
	for _, one := range r.entries {
		if one.mistaken && !one.used {
			all = append(all, fmt.Sprintf("%s:%d: every mutant that the entry fits is killed: take it out", one.file, one.line))
		}
	}
	return all
}

func (r *reason) fits(m *Mutant) bool {
	return r.patterns[0].MatchString(m.Operator.Name) && r.patterns[1].MatchString(m.Object.Key()) && r.patterns[2].MatchString(m.Path)
}
