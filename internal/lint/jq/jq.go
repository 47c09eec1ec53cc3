package jq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/itchyny/gojq"

	"github.com/eventrig/eventrig/internal/jsonvalue"
)

// Program is a jq program as Argo Events runs it: by gojq, with no modules, variables or further input.
type Program struct {
	query *gojq.Query
	code  *gojq.Code
}

// Parse compiles a program. Argo reports a syntax error as such, but an unknown function or variable only as "output must
// be a JSON object".
func Parse(source string) (*Program, error) {
	query, err := gojq.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("syntax: %w", err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	return &Program{query, code}, nil
}

// ErrSlow is returned by Run for a program that did not come to an end in time.
var ErrSlow = errors.New("did not come to an end in time")

// ErrEmpty is returned by Run for a program that ended without an output.
var ErrEmpty = errors.New("no output")

// Run returns the program's first output, which is all that Argo Events takes. The value must be as encoding/json decodes
// it, and is not changed: several programs may be given the same one at a time.
func (p *Program) Run(ctx context.Context, value any, limit time.Duration) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output, ok := p.code.RunWithContext(ctx, jsonvalue.Clone(value)).Next() // gojq writes into what it is given
	if ctx.Err() != nil {
		return nil, ErrSlow
	}
	if !ok {
		return nil, ErrEmpty
	}
	if err, failed := output.(error); failed {
		return nil, fmt.Errorf("jq: %w", err)
	}
	return output, nil
}

// Result is what a program gives.
type Result struct {
	First Shape // its first output; without kinds: it gives none, or fails, whatever it is given
	Many  bool  // it is written to give several outputs, of which Argo Events drops all but the first
}

// Analyse tells what the program gives for a value of the given shape.
func (p *Program) Analyse(input Shape) Result {
	e := &evaluator{budget: 20_000}
	out := e.query(p.query, input, nil)
	return Result{First: out.first, Many: out.many}
}
