// Package control lets another process use a rig that is up: run scenarios on it (`eventrig test --rig NAME`) and
// RabbitMQ's own tool (`eventrig rabbitmqctl`).
//
// The process that holds the rig serves, on loopback and to whoever can read a file in the rig's folder; the other one
// sends a scenario, resolved by its own files, and gets what the scenario waits for and at last its result. The scenario
// runs where the rig is, so that everything that a rig can do is there, and what a scenario changed is taken back also
// when the process that asked is killed.
package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// fileName is where a rig says how to reach its control, in its folder.
const fileName = "control.json"

// access is what the file holds.
type access struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

func (a access) write(folder string) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the control's address: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, fileName), append(data, '\n'), 0o600); err != nil {
		return failure.New(failure.Environment, "", "write the control's address: %w", err)
	}
	return nil
}

func readAccess(folder string) (access, error) {
	var a access
	data, err := os.ReadFile(filepath.Join(folder, fileName))
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		return a, failure.New(failure.BadInput, "only a rig that eventrig up started can be joined", "join rig %s: %w", filepath.Base(folder), err)
	}
	return a, nil
}

// task is a scenario to be run.
type task struct {
	ID       string            `json:"id"` // by which it is cancelled
	Scenario scenario.Scenario `json:"scenario"`
	Seed     int64             `json:"seed"`
	Attempt  int               `json:"attempt"`
	Explain  bool              `json:"explain,omitempty"`
}

// message is one line of the answer; the last one has the result.
type message struct {
	Waiting string  `json:"waiting,omitempty"`
	Log     string  `json:"log,omitempty"`
	Result  *result `json:"result,omitempty"`
}

// result is a scenario.Result with what its JSON leaves out.
type result struct {
	scenario.Result
	Timeline  []ledger.Record        `json:"timeline"`
	Explained []scenario.Explanation `json:"explained,omitempty"`
	Error     *problem               `json:"error,omitempty"`
}

// problem is an error with its class and hint.
type problem struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Status  int    `json:"status"`
}

func problemOf(err error) *problem {
	if err == nil {
		return nil
	}
	return &problem{err.Error(), failure.Hint(err), failure.ExitStatus(err)}
}

func (p *problem) err() error {
	if p == nil {
		return nil
	}
	return failure.New(failure.Class(p.Status), p.Hint, "%w", errors.New(p.Message))
}

// about is what a joined rig tells of itself.
type about struct {
	Versions map[string]string `json:"versions"`
	Notes    []string          `json:"notes"`
}

// command is a run of one of RabbitMQ's tools, and said what came of it.
type command struct {
	Arguments []string `json:"arguments"`
}

type said struct {
	broker.Answer
	Error *problem `json:"error,omitempty"`
}

// saving is where to save artifacts, and saved what came of it.
type saving struct {
	Folder string `json:"folder"` // absolute
}

type saved struct {
	Error *problem `json:"error,omitempty"`
}

// decode reads JSON in which every field is known. Numbers become what YAML makes of them: the API server takes no
// floating-point number for a whole one.
func decode(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	return decoder.Decode(into)
}
