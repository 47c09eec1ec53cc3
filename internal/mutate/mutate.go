// Package mutate changes manifests one small thing at a time and sees whether scenarios notice.
//
// In: a graph of manifests (internal/pipeline), scenarios, and stages that can put a changed object in force: the offline
// tier, a rig. Out: a Report of every mutant with its verdict. A mutant is one change at one place, such as a filter's value
// that is another one or a verb of a role that is gone; an Operator makes all mutants of one sort. A scenario that fails with
// a mutant in force, and passes without, kills it. A mutant that nothing kills survives: either a scenario is missing, or what
// was changed makes no difference, and then an entry of a file says why (Reasons).
package mutate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Mutant is one small change of one object.
type Mutant struct {
	ID       string          // operator, object and path; with #2, #3 ... where there are several of these
	Operator *Operator       // the sort of change
	Object   pipeline.Object // as it is written
	Path     string          // of what is changed, as pipeline.Object.LineOf takes it; empty for the object as a whole
	Change   string          // in words: what was, and what is instead

	edits []Edit
	gone  bool
}

// Gone reports whether the mutant takes the object away as a whole.
func (m *Mutant) Gone() bool { return m.gone }

// Line is the line of what is changed.
func (m *Mutant) Line() int { return m.Object.LineOf(m.Path) }

// Place is FILE:LINE of what is changed.
func (m *Mutant) Place() string {
	if line := m.Line(); line > 0 {
		return fmt.Sprintf("%s:%d", m.Object.File, line)
	}
	return m.Object.File
}

// Content is the changed object, a copy; nil where it is gone.
func (m *Mutant) Content() map[string]any {
	if m.gone {
		return nil
	}
	content := m.Object.DeepCopy().Object
	for _, edit := range m.edits {
		content = edit.apply(content)
	}
	return content
}

// Graph is the graph with the changed object in the place of the one that is written.
func (m *Mutant) Graph(of *pipeline.Graph) *pipeline.Graph {
	changed := &pipeline.Graph{Unlisted: of.Unlisted}
	for _, object := range of.Objects {
		if object.Unstructured == m.Object.Unstructured {
			if m.gone {
				continue
			}
			copied := *object.Unstructured
			copied.Object = m.Content()
			object.Unstructured = &copied
		}
		changed.Objects = append(changed.Objects, object)
	}
	return changed
}

// Operator makes all mutants of one sort.
type Operator struct {
	Name string
	Does string // one line, without a full stop
	// Offline says that the offline tier can tell such a mutant from what is written: Sensors alone decide about it.
	Offline bool

	probe bool // evaluating events shows all that it changes
	make  func(*maker)
}

// maker makes the mutants that one operator has at one object.
type maker struct {
	graph    *pipeline.Graph
	object   pipeline.Object
	operator *Operator
	made     []*Mutant
}

// add makes a mutant of edits; the first one's path is the mutant's.
func (m *maker) add(change string, edits ...Edit) {
	m.made = append(m.made, &Mutant{Operator: m.operator, Object: m.object, Path: pipeline.Path(edits[0].Path...), Change: change, edits: edits})
}

// set makes a mutant that has another value somewhere.
func (m *maker) set(path []any, value any) {
	old, there := at(m.object.Object, path)
	change := fmt.Sprintf("%s instead of %s", short(value), short(old))
	if !there {
		change = short(value) + " instead of nothing"
	}
	m.add(change, Edit{Path: path, Value: value})
}

// drop makes a mutant that lacks something. A list or an object that it leaves empty stays so.
func (m *maker) drop(path []any) {
	old, _ := at(m.object.Object, path)
	m.add("without "+short(old), Edit{Path: path, Remove: true})
}

// remove makes a mutant without the object.
func (m *maker) remove() {
	m.made = append(m.made, &Mutant{Operator: m.operator, Object: m.object, Change: "without the object", gone: true})
}

// is reports whether the object is of a kind, in any version of its group.
func (m *maker) is(group string, kinds ...string) bool {
	return m.object.GroupVersionKind().Group == group && slices.Contains(kinds, m.object.GetKind())
}

// argo is the API group of both Argos.
const argo = "argoproj.io"

// short is a value as one readable text.
func short(value any) string {
	text, plain := value.(string)
	if !plain || text == "" || strings.ContainsAny(text, "\n\t") {
		encoded, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		text = string(encoded)
	}
	const most = 100
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// Choice says which mutants to make. The zero value is all.
type Choice struct {
	Operators []string       // names; all when empty
	Focus     *regexp.Regexp // matches OPERATOR KIND/NAMESPACE/NAME PATH FILE:LINE; nil for all
}

// Make makes the mutants of a graph: by object in reading order, then by operator, then by path. A name that no operator has
// is bad input.
func Make(graph *pipeline.Graph, choice Choice) ([]*Mutant, error) {
	var chosen []*Operator
	for _, name := range choice.Operators {
		if !slices.Contains(Names(), name) {
			hint := "eventrig mutate --list-operators lists them"
			if near := nearest.Name(name, Names()); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			return nil, failure.New(failure.BadInput, hint, "there is no operator %q", name)
		}
	}
	for i := range Operators {
		if len(choice.Operators) == 0 || slices.Contains(choice.Operators, Operators[i].Name) {
			chosen = append(chosen, &Operators[i])
		}
	}
	var all []*Mutant
	seen := map[string]int{}
	for _, object := range graph.Objects {
		for _, operator := range chosen {
			m := &maker{graph: graph, object: object, operator: operator}
			operator.make(m)
			for _, one := range m.made {
				one.ID = strings.TrimSpace(fmt.Sprintf("%s %s %s", operator.Name, object.Key(), one.Path))
				if seen[one.ID]++; seen[one.ID] > 1 {
					one.ID = fmt.Sprintf("%s#%d", one.ID, seen[one.ID])
				}
				if choice.Focus == nil || choice.Focus.MatchString(one.ID+" "+one.Place()) {
					all = append(all, one)
				}
			}
		}
	}
	return all, nil
}
