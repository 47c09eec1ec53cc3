package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

// realPython is where a machine's own Python 3 is; a container of a rig has the machine's /usr.
const realPython = "/usr/bin/python3"

// The programs that UnderStack's manifests hold. They are known by what they do, in our manifests' words and in theirs.
var (
	convertsProject = regexp.MustCompile(`(?s)import uuid\s.*project_id_without_dashes = "([^"\n]*)"\s*\n\s*print\(str\(uuid\.UUID\(project_id_without_dashes\)\)\)`)
	printsLabelOf   = regexp.MustCompile(`print\(json\.loads\(os\.environ(?:\.get\('LABELS'\)|\['LABELS'\]) or '\{\}'\)\.get\((?:'([^']+)'|sys\.argv\[1\]), ?''\)\)`)
)

// python is the machine's own Python 3, else as much of it as the programs in UnderStack's manifests need.
func python(_ context.Context, s Surroundings, arguments []string) int {
	if len(arguments) > 1 && arguments[0] == "-c" {
		if found := printsPassword.FindStringSubmatch(arguments[1]); found != nil {
			return s.printPassword(found[1])
		}
	}
	if s.Exec != nil {
		if info, err := os.Stat(s.path(realPython)); err == nil && info.Mode().Perm()&0o111 != 0 {
			err := s.Exec(s.path(realPython), append([]string{"python3"}, arguments...))
			fmt.Fprintf(s.Stderr, "python: run %s: %v\n", realPython, err)
			return 126
		}
	}
	var program string
	var rest []string
	switch {
	case len(arguments) > 1 && arguments[0] == "-c":
		program, rest = arguments[1], arguments[2:]
	case len(arguments) > 0:
		data, err := os.ReadFile(s.path(arguments[0]))
		if err != nil {
			fmt.Fprintf(s.Stderr, "python: can't open file '%s': %v\n", arguments[0], err)
			return 2
		}
		program, rest = string(data), arguments[1:]
	}
	if found := convertsProject.FindStringSubmatch(program); found != nil {
		id, err := pythonUUID(found[1])
		if err != nil {
			return s.crash(fmt.Errorf("ValueError: badly formed hexadecimal UUID string"))
		}
		fmt.Fprintln(s.Stdout, id)
		return 0
	}
	if found := printsLabelOf.FindStringSubmatch(program); found != nil {
		name := found[1]
		if name == "" && len(rest) > 0 {
			name = rest[0]
		}
		text := s.Getenv("LABELS")
		if text == "" {
			text = "{}"
		}
		labels := map[string]any{}
		if err := json.Unmarshal([]byte(text), &labels); err != nil {
			return s.crash(fmt.Errorf("json.decoder.JSONDecodeError: %w", err))
		}
		value, ok := labels[name]
		if !ok {
			value = ""
		}
		fmt.Fprintln(s.Stdout, value)
		return 0
	}
	fmt.Fprintf(s.Stderr, "python: %s is not there, and without it only the programs in UnderStack's manifests can be run, not this one:\n%s\n", realPython, program)
	return 127
}
