package rig

import (
	"context"
	"fmt"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// Workflow is a Workflow, or a Job, that a Sensor made of a message.
type Workflow struct {
	Kind       string // Workflow or Job
	Namespace  string
	Name       string
	Sensor     string            // that made it: namespace/name
	Phase      string            // as it ended: Succeeded, Failed or Error
	Message    string            // why it did not succeed, in the controller's words
	Parameters map[string]string // that the Sensor gave it
}

// Workflows waits until the chain is settled for the messages, as WaitSettled does, and returns what they started, in the
// order in which it was created. It is an error where that cannot be told from what other messages started.
func (r *Rig) Workflows(ctx context.Context, published ...scenario.Published) ([]Workflow, error) {
	keys, err := r.waitSettled(ctx, published)
	if err != nil {
		return nil, err
	}
	var all []Workflow
	place := map[string]int{}
	for _, record := range r.ledger.Of(keys...) {
		if record.Hop != ledger.Workflow {
			continue
		}
		if record.Ambiguous {
			return nil, failure.New(failure.Check, "give the messages identifiers of their own", "%s may be of any of the messages %s", record.Object, strings.Join(record.Candidates, ", "))
		}
		i, known := place[record.Object]
		if !known {
			parts := strings.SplitN(record.Object, "/", 3)
			if len(parts) != 3 {
				return nil, fmt.Errorf("read the ledger: %q is not kind/namespace/name", record.Object)
			}
			i = len(all)
			place[record.Object] = i
			// As it was created: the controller fills in what {{workflow.name}} and the like stand for.
			all = append(all, Workflow{Kind: parts[0], Namespace: parts[1], Name: parts[2], Sensor: record.Sensor, Parameters: scenario.ParametersOf(record)})
		}
		all[i].Phase, all[i].Message = record.Verdict, record.Cause
	}
	return all, nil
}
