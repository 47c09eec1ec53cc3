package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kyaml "sigs.k8s.io/yaml"
)

// maxFile bounds what is read as a manifest, in bytes: an API server takes objects of about 1.5 MB.
const maxFile = 64 << 20

// Parse reads the YAML or JSON documents of one file. Empty documents are passed over, the items of a List are taken
// one by one.
func Parse(file string, content []byte) ([]Object, error) {
	return parse(file, content, func(err error) error { return err })
}

// parse reads documents and goes on after a broken one where report returns nil. After a syntax error it goes on at the
// next line that begins a document.
func parse(file string, content []byte, report func(error) error) ([]Object, error) {
	if len(content) > maxFile {
		return nil, report(badInput(file, 1, "split it, or leave it out", "too large for a manifest: %d bytes", len(content)))
	}
	var objects []Object
	var skipped int // lines before content
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			line, text := syntaxProblem(err)
			if err := report(notYAML(file, skipped+line, text)); err != nil {
				return nil, err
			}
			rest, lines := nextDocument(content, line)
			if rest == nil {
				return objects, nil
			}
			content, skipped = rest, skipped+lines
			decoder = yaml.NewDecoder(bytes.NewReader(content))
			continue
		}
		if len(document.Content) == 0 {
			continue
		}
		root := document.Content[0]
		if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
			continue
		}
		moveDown(root, skipped)
		if message := noManifest(root); message != "" {
			if err := report(Problem{Kind: NoManifest, File: file, Line: root.Line, Message: message, Hint: manifestHint}.asError()); err != nil {
				return nil, err
			}
			continue
		}
		found, err := parseObject(file, root, report)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
}

// noManifest says why a document has nothing of a Kubernetes object, or "" where it has.
func noManifest(root *yaml.Node) string {
	switch {
	case root.Kind != yaml.MappingNode:
		return "the document is no object"
	case child(root, "apiVersion") == nil && child(root, "kind") == nil && child(root, "metadata") == nil:
		return "the document has no apiVersion"
	}
	return ""
}

// nextDocument returns what begins with the next line "---" behind an error in the given line, with the number of lines before
// it. Where a document is cut off the error is said of the line that begins the next one.
func nextDocument(content []byte, line int) (rest []byte, lines int) {
	for number := 1; len(content) > 0; number++ {
		if number > 1 && number >= line && bytes.HasPrefix(content, []byte("---")) {
			return content, number - 1
		}
		end := bytes.IndexByte(content, '\n')
		if end < 0 {
			break
		}
		content = content[end+1:]
	}
	return nil, 0
}

func moveDown(node *yaml.Node, lines int) {
	if lines == 0 {
		return
	}
	node.Line += lines
	for _, inner := range node.Content {
		moveDown(inner, lines)
	}
}

func badInput(file string, line int, hint, format string, args ...any) error {
	return Problem{Kind: Unreadable, File: file, Line: line, Message: fmt.Sprintf(format, args...), Hint: hint}.asError()
}

var yamlLine = regexp.MustCompile(`line (\d+): ?`)

// syntaxProblem takes the line out of the parser's message, to be put where editors look for it.
func syntaxProblem(err error) (line int, text string) {
	line, text = 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if match := yamlLine.FindStringSubmatch(text); match != nil {
		if number, convErr := strconv.Atoi(match[1]); convErr == nil {
			line = number
		}
		text = strings.Replace(text, match[0], "", 1)
		if slices.Contains(parserMessages, text) {
			line++
		}
	}
	return line, text
}

// parserMessages are those of the YAML library's messages whose lines it counts from 0; for those of its scanner it counts
// from 1.
var parserMessages = []string{
	"did not find expected <document start>", "did not find expected node content", "found undefined tag handle",
	"did not find expected '-' indicator", "did not find expected key", "did not find expected ',' or ']'", "did not find expected ',' or '}'",
}

func notYAML(file string, line int, text string) error {
	return badInput(file, line, "manifests are YAML or JSON; of a Helm chart give the folder with its Chart.yaml", "not valid YAML: %s", text)
}

func syntaxError(file string, err error) error {
	line, text := syntaxProblem(err)
	return notYAML(file, line, text)
}

// manifestHint says what is looked for.
const manifestHint = "a manifest is a Kubernetes object with apiVersion, kind and metadata"

func parseObject(file string, root *yaml.Node, report func(error) error) ([]Object, error) {
	if root.Kind != yaml.MappingNode {
		return nil, report(badInput(file, root.Line, manifestHint, "the document is no object"))
	}
	if err := duplicateKey(file, root); err != nil {
		return nil, report(err)
	}
	for _, field := range []string{"apiVersion", "kind"} {
		if value := child(root, field); value == nil || value.Kind != yaml.ScalarNode || value.Value == "" {
			return nil, report(badInput(file, root.Line, manifestHint, "the document has no %s", field))
		}
	}
	if items := child(root, "items"); items != nil && strings.HasSuffix(child(root, "kind").Value, "List") {
		if items.Kind != yaml.SequenceNode {
			return nil, report(badInput(file, items.Line, manifestHint, "items is no list"))
		}
		var objects []Object
		for _, item := range items.Content {
			found, err := parseObject(file, resolve(item), report)
			if err != nil {
				return nil, err
			}
			objects = append(objects, found...)
		}
		return objects, nil
	}
	object, err := unstructuredOf(root)
	if err != nil {
		return nil, report(badInput(file, root.Line, manifestHint, "cannot be read: %v", err))
	}
	metadata := child(root, "metadata")
	if metadata != nil && metadata.Kind != yaml.MappingNode {
		return nil, report(badInput(file, metadata.Line, manifestHint, "metadata is no object"))
	}
	if fields, _ := object.Object["metadata"].(map[string]any); fields["name"] != nil {
		if _, text := fields["name"].(string); !text {
			line := root.Line
			if name := child(metadata, "name"); name != nil {
				line = name.Line
			}
			return nil, report(badInput(file, line, quoteIt, "metadata.name is no text"))
		}
	}
	if object.GetName() == "" && object.GetGenerateName() == "" {
		return nil, report(badInput(file, root.Line, manifestHint, "%s has no metadata.name", object.GetKind()))
	}
	return []Object{{Unstructured: object, File: file, Line: root.Line, source: source{node: root}}}, nil
}

// unstructuredOf goes by way of JSON, so that values have the types that the API machinery works with.
func unstructuredOf(root *yaml.Node) (*unstructured.Unstructured, error) {
	content, err := yaml.Marshal(root)
	if err != nil {
		return nil, err
	}
	encoded, err := kyaml.YAMLToJSON(content)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(encoded)
}

// child returns the value of a field of a mapping.
func child(mapping *yaml.Node, name string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return resolve(mapping.Content[i+1])
		}
	}
	return nil
}

func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		return node.Alias
	}
	return node
}

// duplicateKey finds a field that is given twice, which the API server would refuse and kubectl without validation would
// silently take the last of.
func duplicateKey(file string, node *yaml.Node) error {
	if node.Kind == yaml.MappingNode {
		seen := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				continue
			}
			if first, ok := seen[key.Value]; ok {
				return badInput(file, key.Line, "take one of them away", "field %q is given twice, first in line %d", key.Value, first)
			}
			seen[key.Value] = key.Line
		}
	}
	for _, content := range node.Content {
		if err := duplicateKey(file, content); err != nil {
			return err
		}
	}
	return nil
}
