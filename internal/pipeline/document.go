package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kyaml "sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/failure"
)

// Parse reads the YAML or JSON documents of one file. Empty documents are passed over, the items of a List are taken
// one by one.
func Parse(file string, content []byte) ([]Object, error) {
	var objects []Object
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, syntaxError(file, err)
		}
		if len(document.Content) == 0 {
			continue
		}
		root := document.Content[0]
		if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
			continue
		}
		found, err := parseObject(file, root)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
}

func badInput(file string, line int, hint, format string, args ...any) error {
	return failure.New(failure.BadInput, hint, "%s:%d: %s", file, line, fmt.Sprintf(format, args...))
}

var yamlLine = regexp.MustCompile(`line (\d+): ?`)

// syntaxError takes the line out of the parser's message and puts it where editors look for it.
func syntaxError(file string, err error) error {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if match := yamlLine.FindStringSubmatch(text); match != nil {
		if number, convErr := strconv.Atoi(match[1]); convErr == nil {
			line = number
		}
		text = strings.Replace(text, match[0], "", 1)
	}
	return badInput(file, line, "manifests are YAML or JSON; Helm charts are rendered first (helm template)", "not valid YAML: %s", text)
}

func parseObject(file string, root *yaml.Node) ([]Object, error) {
	const hint = "a manifest is a Kubernetes object with apiVersion, kind and metadata"
	if root.Kind != yaml.MappingNode {
		return nil, badInput(file, root.Line, hint, "the document is no object")
	}
	if err := duplicateKey(file, root); err != nil {
		return nil, err
	}
	content, err := yaml.Marshal(root)
	if err != nil {
		return nil, badInput(file, root.Line, hint, "cannot be read: %v", err)
	}
	// By way of JSON, so that numbers have the types that the API machinery works with.
	encoded, err := kyaml.YAMLToJSON(content)
	if err != nil {
		return nil, badInput(file, root.Line, hint, "cannot be read: %v", err)
	}
	for _, field := range []string{"apiVersion", "kind"} {
		if value := child(root, field); value == nil || value.Kind != yaml.ScalarNode || value.Value == "" {
			return nil, badInput(file, root.Line, hint, "the document has no %s", field)
		}
	}
	if items := child(root, "items"); items != nil && strings.HasSuffix(child(root, "kind").Value, "List") {
		if items.Kind != yaml.SequenceNode {
			return nil, badInput(file, items.Line, hint, "items is no list")
		}
		var objects []Object
		for _, item := range items.Content {
			found, err := parseObject(file, item)
			if err != nil {
				return nil, err
			}
			objects = append(objects, found...)
		}
		return objects, nil
	}
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(encoded); err != nil {
		return nil, badInput(file, root.Line, hint, "cannot be read: %v", err)
	}
	metadata := child(root, "metadata")
	if metadata != nil && metadata.Kind != yaml.MappingNode {
		return nil, badInput(file, metadata.Line, hint, "metadata is no object")
	}
	if object.GetName() == "" && object.GetGenerateName() == "" {
		return nil, badInput(file, root.Line, hint, "%s has no metadata.name", object.GetKind())
	}
	return []Object{{Unstructured: &object, File: file, Line: root.Line}}, nil
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
