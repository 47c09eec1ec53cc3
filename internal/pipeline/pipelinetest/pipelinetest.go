// Package pipelinetest makes graphs of manifests that a test holds as text.
package pipelinetest

import (
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Graph is the graph of manifests, each a YAML text of one or more documents. What cannot be read ends the test.
func Graph(t testing.TB, manifests ...string) *pipeline.Graph {
	t.Helper()
	objects, err := pipeline.Parse("m.yaml", []byte(strings.Join(manifests, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	graph := &pipeline.Graph{Objects: objects}
	for _, problem := range graph.DecodeProblems() {
		t.Fatal(problem)
	}
	return graph
}
