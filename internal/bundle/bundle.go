// Package bundle makes of the artifacts of a run something that a person can be given: what failed and where to look first
// (README.md), the verdict for scripts and for people (verdict.json, report.html), and how to run it again (reproduce.sh).
//
// In go a run's report, the command line, and the folder that a rig has saved its artifacts into. Out come files beside them;
// only what is there is pointed to.
package bundle

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/report"
)

// The files that this package writes.
const (
	Index     = "README.md"
	Verdict   = "verdict.json"
	Page      = "report.html"
	Reproduce = "reproduce.sh"
)

// Bundle is what is known of a run.
type Bundle struct {
	Folder  string // of the artifacts
	Rig     string // the folder in it that a rig saved into; empty where there was none
	Run     report.Run
	Command Command
}

// Command is a command line that makes a run happen again.
type Command struct {
	Folder    string   // that it was given in: paths are relative to it
	Program   string   // path of eventrig
	Arguments []string // with the seed, and with nothing that only says where reports go
}

// Write writes the files.
func (b Bundle) Write() error {
	if err := os.MkdirAll(b.Folder, 0o755); err != nil {
		return failure.New(failure.BadInput, "name a folder that can be written with --artifacts", "make artifacts folder: %w", err)
	}
	return errors.Join(
		b.file(Verdict, 0o644, b.Run.JSON),
		b.file(Page, 0o644, b.Run.HTML),
		b.file(Reproduce, 0o755, b.reproduce),
		b.file(Index, 0o644, b.index),
	)
}

func (b Bundle) file(name string, mode os.FileMode, content func(io.Writer) error) error {
	file, err := os.OpenFile(filepath.Join(b.Folder, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return failure.New(failure.BadInput, "name a folder that can be written with --artifacts", "write artifact: %w", err)
	}
	if err := content(file); err != nil {
		file.Close()
		return fmt.Errorf("write artifact %s: %w", name, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	return nil
}

// reproduce is a script with the run's own seed, of what failed where something did.
func (b Bundle) reproduce(w io.Writer) error {
	var out strings.Builder
	out.WriteString("#!/bin/sh\n# Runs it again, with the same seed, manifests and versions")
	if len(Failed(b.Run)) > 0 {
		out.WriteString(", the scenarios that did not pass")
	}
	out.WriteString(".\n")
	for _, name := range slices.Sorted(maps.Keys(b.Run.Versions)) {
		fmt.Fprintf(&out, "#   %s %s\n", name, b.Run.Versions[name])
	}
	fmt.Fprintf(&out, "cd %s && exec %s\n", quoted(b.Command.Folder), b.Command)
	_, err := io.WriteString(w, out.String())
	return err
}

// String is the command as a shell takes it.
func (c Command) String() string {
	words := []string{quoted(c.Program)}
	for _, argument := range c.Arguments {
		words = append(words, quoted(argument))
	}
	return strings.Join(words, " ")
}

// quoted writes a word so that a shell takes it as it is.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@+", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Failed are the names of the scenarios that did not pass.
func Failed(run report.Run) []string {
	var names []string
	for _, s := range run.Scenarios {
		if s.Failed() && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// place is a file or folder of the bundle that says something of a failure.
type place struct{ path, says string }

// lookFirst are the places that say most about a failure, those that are there, in the order in which to look: first what
// the hop itself leaves behind, then the way to it.
func (b Bundle) lookFirst(s scenario.Result, f scenario.Failure) []place {
	var all []place
	add := func(says, pattern string) {
		found, err := filepath.Glob(filepath.Join(b.Folder, filepath.FromSlash(pattern)))
		if err != nil {
			return // a name with a bracket: it is none of Kubernetes'
		}
		for _, path := range found {
			relative, err := filepath.Rel(b.Folder, path)
			p := place{filepath.ToSlash(relative), says}
			if err == nil && !slices.ContainsFunc(all, func(other place) bool { return other.path == p.path }) {
				all = append(all, p)
			}
		}
	}
	in := func(says, pattern string) {
		if b.Rig != "" {
			add(says, b.Rig+"/"+pattern)
		}
	}
	concerned := about(s, f)
	for _, pod := range concerned.pods {
		in("the log of a pod of the Workflow", "pods/"+pod+"*/main.*.log")
	}
	for _, sensor := range concerned.sensors {
		in("what the Sensor decided", "pods/"+sensor+"-sensor-*/*.log")
	}
	for _, source := range concerned.sources {
		in("what the EventSource took in", "pods/"+source+"-eventsource-*/*.log")
	}
	switch hop := ledger.Hop(f.Hop); {
	case hop.Order() >= ledger.Workflow.Order() || f.Hop == "nautobot" || f.Hop == "openstack":
		in("what the simulators were asked and what they answered", "journals/"+s.Name+"*.jsonl")
		in("Workflows, with the state of each node", "objects/*/workflows.argoproj.io.yaml")
		in("Events of the cluster", "events.txt")
	case hop == ledger.Triggered:
		in("what the API server was asked for and refused", "audit.jsonl")
		in("Roles, as they were", "objects/*/roles.rbac.authorization.k8s.io.yaml")
	case hop.Order() >= 0 && hop.Order() <= ledger.OnBus.Order() || strings.HasPrefix(f.Hop, "when"):
		in("RabbitMQ's queues, bindings and connections", "rabbitmq/report.txt")
		in("RabbitMQ's log", "rabbitmq/rabbitmq.log")
	default:
		in("Events of the cluster", "events.txt")
	}
	return all
}

// concerned are the objects that a failure has to do with, as paths below pods/.
type concerned struct{ pods, sensors, sources []string }

// about reads them from the scenario's timeline: the Sensor that the failure names, or all that had to decide.
func about(s scenario.Result, f scenario.Failure) concerned {
	var c concerned
	note := func(list *[]string, value string) {
		if value != "" && !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	text := f.Expected + " " + f.Got + " " + f.Why
	named := func(sensor string) bool {
		return strings.Contains(text, sensor[strings.LastIndex(sensor, "/")+1:])
	}
	some := slices.ContainsFunc(s.Timeline, func(r ledger.Record) bool { return r.Sensor != "" && named(r.Sensor) })
	for _, r := range s.Timeline {
		if r.Sensor != "" && some && !named(r.Sensor) {
			continue
		}
		switch r.Hop {
		case ledger.Pod:
			note(&c.pods, strings.TrimPrefix(r.Object, "Pod/"))
		case ledger.Decided, ledger.Triggered:
			note(&c.sensors, r.Sensor)
		case ledger.Routed:
			// EventSource/NAMESPACE/NAME/EVENT
			if parts := strings.Split(r.Object, "/"); len(parts) >= 3 {
				note(&c.sources, parts[1]+"/"+parts[2])
			}
		}
	}
	for _, e := range f.Explanation {
		note(&c.sensors, e.Sensor)
	}
	return c
}
