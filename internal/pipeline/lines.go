package pipeline

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// source is the text that an object was written in.
type source struct {
	file string // its one name on this machine; empty where a generator made the object
	node *yaml.Node
	// lines gives, for a document that was rendered, the line of the file that each rendered line came from, by line number
	// from 1; 0 where that is not known. Nil where the document is the file's own text.
	lines []int
	// guess: the object was changed on its way here, so list items are told by what they hold, not by where they are.
	guess bool
}

// line is the line in the file of a node, or 0.
func (s source) line(node *yaml.Node) int {
	if s.lines == nil {
		return node.Line
	}
	if node.Line < len(s.lines) {
		return s.lines[node.Line]
	}
	return 0
}

// Path joins the names of fields and the indexes of items to a path as LineOf takes it: Path("spec", "data", 1) is
// "spec.data[1]". Names that hold more than letters, digits, dashes and underscores are quoted.
func Path(steps ...any) string {
	var path strings.Builder
	for _, step := range steps {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&path, "[%d]", step)
		case string:
			if step == "" || strings.ContainsFunc(step, func(r rune) bool {
				return r != '-' && r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
			}) {
				fmt.Fprintf(&path, "[%q]", step)
				continue
			}
			if path.Len() > 0 {
				path.WriteByte('.')
			}
			path.WriteString(step)
		default:
			panic(fmt.Sprintf("pipeline.Path: %T is no name and no index", step))
		}
	}
	return path.String()
}

// LineOf returns the line of a field such as `spec.dependencies[0].filters.data[1].path`; keys that hold dots are quoted
// (`metadata.annotations["example.org/note"]`), an index may also be a step of its own (`parameters.0.value`). Where the
// line is not known (the field is not there, or kustomize or Helm put it in) it is that of the nearest ancestor whose is,
// in the end Line.
func (o Object) LineOf(path string) int {
	line := o.Line
	if o.source.node == nil {
		return line
	}
	node, value := o.source.node, any(nil)
	if o.Unstructured != nil {
		value = o.Unstructured.Object
	}
	for _, step := range splitPath(path) {
		key, next := o.source.step(node, step, &value)
		if next == nil {
			break
		}
		if found := o.source.line(key); found > 0 {
			line = found
		}
		node = next
	}
	return line
}

// step goes to a field or an item: the node that says where it stands, and the one that holds its value.
func (s source) step(node *yaml.Node, step string, value *any) (key, next *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		if fields, ok := (*value).(map[string]any); ok {
			*value = fields[step]
		} else {
			*value = nil
		}
		return field(node, step, 8)
	case yaml.SequenceNode:
		index, err := strconv.Atoi(step)
		if err != nil || index < 0 {
			return nil, nil
		}
		items, _ := (*value).([]any)
		*value = nil
		if index < len(items) {
			*value = items[index]
		}
		if s.guess {
			index = sameItem(node, index, len(items), *value)
		}
		if index < 0 || index >= len(node.Content) {
			return nil, nil
		}
		item := resolve(node.Content[index])
		return node.Content[index], item
	}
	return nil, nil
}

// field finds a field of a mapping, also one that is merged into it; depth bounds merges of merges.
func field(mapping *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name && mapping.Content[i].Tag != "!!merge" {
			return mapping.Content[i], resolve(mapping.Content[i+1])
		}
	}
	if depth == 0 {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Tag != "!!merge" {
			continue
		}
		merged := resolve(mapping.Content[i+1])
		sources := []*yaml.Node{merged}
		if merged.Kind == yaml.SequenceNode {
			sources = merged.Content
		}
		for _, from := range sources {
			if from = resolve(from); from.Kind == yaml.MappingNode {
				if key, value := field(from, name, depth-1); key != nil {
					return key, value
				}
			}
		}
	}
	return nil, nil
}

// sameItem finds the item that a list's item was made from: the one of its name, else, in a list that is as long as it was,
// the one of its place. -1 where that cannot be told.
func sameItem(list *yaml.Node, index, length int, value any) int {
	fields, _ := value.(map[string]any)
	for _, name := range []string{"name", "path", "dest", "key"} {
		wanted, ok := fields[name].(string)
		if !ok {
			continue
		}
		found := -1
		for i, item := range list.Content {
			if _, written := field(resolve(item), name, 8); written != nil && written.Value == wanted {
				if i == index {
					return i
				}
				if found < 0 {
					found = i
				}
			}
		}
		if found >= 0 {
			return found
		}
		break
	}
	if length == len(list.Content) {
		return index
	}
	return -1
}

// splitPath takes a path apart: names and indexes alike become steps.
func splitPath(path string) []string {
	var steps []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case path[0] == '"' || strings.HasPrefix(path, `["`):
			quoted := strings.TrimPrefix(path, "[")
			text, err := strconv.QuotedPrefix(quoted)
			if err != nil {
				return append(steps, path)
			}
			name, err := strconv.Unquote(text)
			if err != nil {
				return append(steps, path)
			}
			steps = append(steps, name)
			rest := quoted[len(text):]
			if len(quoted) < len(path) {
				rest = strings.TrimPrefix(rest, "]")
			}
			path = rest
		case path[0] == '[':
			index, rest, _ := strings.Cut(path[1:], "]")
			steps, path = append(steps, index), rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			steps, path = append(steps, path[:end]), path[end:]
		}
	}
	return steps
}
