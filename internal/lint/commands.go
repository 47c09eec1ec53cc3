package lint

import (
	"slices"
	"strings"
)

// words are the commands that the template's containers run: the words of commands and arguments, and the lines of scripts.
func (s step) words() [][]string {
	var all [][]string
	add := func(command, args []string, script string) {
		line := slices.Concat(command, args)
		if len(line) > 0 {
			all = append(all, line)
		}
		texts := []string{script}
		if len(line) > 0 && isShell(line[0]) {
			texts = append(texts, line[1:]...)
		}
		for _, text := range texts {
			for one := range strings.Lines(text) {
				if words := strings.Fields(strings.Trim(one, " \t\n;&|")); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
					all = append(all, words)
				}
			}
		}
	}
	t := s.template
	if t.Container != nil {
		add(t.Container.Command, t.Container.Args, "")
	}
	if t.Script != nil {
		add(t.Script.Command, t.Script.Args, t.Script.Source)
	}
	if t.ContainerSet != nil {
		for _, container := range t.ContainerSet.Containers {
			add(container.Command, container.Args, "")
		}
	}
	var filled [][]string
	for _, line := range all {
		filled = append(filled, s.fill(line)...)
	}
	return filled
}

// fill puts in what parameters are given, one line for each value, where the value is written in the manifest.
func (s step) fill(line []string) [][]string {
	lines := [][]string{line}
	for name, values := range s.inputs {
		placeholder := "{{inputs.parameters." + name + "}}"
		for _, before := range lines {
			at := slices.Index(before, placeholder)
			if at < 0 || len(lines) > 100 {
				continue
			}
			for i, value := range values {
				after := slices.Clone(before)
				after[at] = value
				if i == 0 {
					lines[slices.IndexFunc(lines, func(l []string) bool { return &l[0] == &before[0] })] = after
				} else {
					lines = append(lines, after)
				}
			}
		}
	}
	return lines
}

func isShell(command string) bool {
	return slices.Contains([]string{"sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/env"}, command)
}
