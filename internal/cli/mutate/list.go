package mutate

import (
	"bytes"
	"fmt"

	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/mutate"
)

// mutant is a mutant that is only listed.
type mutant struct {
	ID       string `json:"id"`       // operator, object and path
	Operator string `json:"operator"` // the sort of change
	Object   string `json:"object"`   // Kind/namespace/name
	Path     string `json:"path"`     // of what is changed; empty for the object as a whole
	File     string `json:"file"`     // where it is written
	Line     int    `json:"line"`     // where it is written; 0 where that is not known
	Change   string `json:"change"`   // what is instead of what
	Offline  bool   `json:"offline"`  // the offline tier can tell it from what is written
}

// operator is an operator that is only listed.
type operator struct {
	Name    string `json:"name"`    // as --operators takes it
	Does    string `json:"does"`    // what it changes
	Offline bool   `json:"offline"` // the offline tier can tell such mutants from what is written
}

func listedMutants(chosen []*mutate.Mutant) []mutant {
	all := make([]mutant, len(chosen))
	for i, m := range chosen {
		all[i] = mutant{m.ID, m.Operator.Name, m.Object.Key(), m.Path, m.Object.File, m.Line(), m.Change, m.Operator.Offline}
	}
	return all
}

func listed(all []mutate.Operator) []operator {
	names := make([]operator, len(all))
	for i, o := range all {
		names[i] = operator{o.Name, o.Does, o.Offline}
	}
	return names
}

func list(out *bytes.Buffer, chosen []*mutate.Mutant) {
	for _, m := range chosen {
		fmt.Fprintf(out, "%s: %s: %s\n", m.Place(), m.ID, m.Change)
	}
	fmt.Fprintf(out, "%s\n", figures.Of(len(chosen), "mutant"))
}

func operators(out *bytes.Buffer) {
	for _, o := range mutate.Operators {
		tier := "embedded"
		if o.Offline {
			tier = "offline"
		}
		fmt.Fprintf(out, "%-20s %-9s %s\n", o.Name, tier, o.Does)
	}
}
