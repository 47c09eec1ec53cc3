package pipeline

import (
	"errors"
	"fmt"

	"github.com/eventrig/eventrig/internal/failure"
)

// ProblemKind says what a Problem means for the object that it is about.
type ProblemKind string

// The kinds of problems.
const (
	Unreadable   ProblemKind = "unreadable"    // a file, chart or kustomization of which nothing is known
	NoManifest   ProblemKind = "no-manifest"   // a document of a folder's file that is no Kubernetes object and does not look like one: values, data
	Undecodable  ProblemKind = "undecodable"   // an object of the graph that has no typed form
	UnknownField ProblemKind = "unknown-field" // a field that the API drops in silence; the object is there without it
	Duplicate    ProblemKind = "duplicate"     // an object that is defined already; the first one counts
	Unplaced     ProblemKind = "unplaced"      // as Duplicate, but what is deployed apart defines the two, and no namespace is given
)

// Problem is what is wrong with a manifest. As an error it reads "file:line: message".
type Problem struct {
	Kind    ProblemKind
	File    string
	Line    int    // 0 where it is not known
	Object  string // Object.Key of the object that it is about; empty where none could be read
	Message string
	Hint    string // what to do next
}

// Error returns place and message.
func (p Problem) Error() string {
	switch {
	case p.File == "":
		return p.Message
	case p.Line == 0:
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// asError gives a problem the class of bad input.
func (p Problem) asError() error { return failure.New(failure.BadInput, p.Hint, "%w", p) }

// problemOf is the problem in an error, or one made of it for the given file.
func problemOf(file string, err error) Problem {
	var found Problem
	if errors.As(err, &found) {
		return found
	}
	return Problem{Kind: Unreadable, File: file, Message: err.Error(), Hint: failure.Hint(err)}
}
