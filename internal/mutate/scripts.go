package mutate

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// edited is a mutant whose path says more than that of its edit.
func (m *maker) edited(path []any, change string, edits ...Edit) *Mutant {
	return &Mutant{Operator: m.operator, Object: m.object, Path: pipeline.Path(path...), Change: change, edits: edits}
}

// simple matches a line of a shell script that is a command by itself, perhaps with an assignment of what it prints, perhaps
// behind a pattern of case: what is in front, the command, and what is behind.
var simple = regexp.MustCompile(`^(\s*(?:[^\s()]+\)\s+)?)([A-Za-z_][\w-]*(?:=\$\(.*\))?|[A-Za-z_][\w./-]*\s[^|&]*?)(\s*;;)?\s*$`)

// words that begin no command of their own.
var reserved = regexp.MustCompile(`^(if|then|else|elif|fi|for|while|until|do|done|case|esac|function|return|exit|\w+\(\))\b|^IFS=|^[)}]`)

// scriptLine leaves out the commands of shell scripts one by one: true stands in their place, which succeeds and prints
// nothing. Only lines that are a command by themselves are looked at, those that a backslash joins as one.
func scriptLine(m *maker) {
	m.containers(func(container []any) {
		programs, shell := m.programs(container)
		if !shell {
			return
		}
		for _, path := range programs {
			lines := strings.Split(m.textAt(path...), "\n")
			for i := 0; i < len(lines); i++ {
				end := i
				for strings.HasSuffix(lines[end], `\`) && end+1 < len(lines) {
					end++
				}
				joined := strings.Join(lines[i:end+1], "\n")
				if instead, ok := leftOut(strings.ReplaceAll(joined, "\\\n", " ")); ok {
					changed := append(append(append([]string{}, lines[:i]...), instead), lines[end+1:]...)
					m.add("without the command "+short(strings.Join(strings.Fields(strings.ReplaceAll(joined, "\\\n", " ")), " ")), Edit{Path: path, Value: strings.Join(changed, "\n")})
				}
				i = end
			}
		}
	})
}

// leftOut is a line of a shell script without its command; ok is false where that cannot be told, or would change nothing.
func leftOut(line string) (instead string, ok bool) {
	found := simple.FindStringSubmatch(line)
	if found == nil || reserved.MatchString(strings.TrimSpace(line)) || strings.Count(line, `"`)%2 != 0 || strings.Count(line, "'")%2 != 0 {
		return "", false
	}
	command := strings.TrimSpace(found[2])
	if name, value, assigned := strings.Cut(command, "="); assigned && !strings.ContainsAny(name, " \t") {
		return found[1] + name + "=" + found[3], value != ""
	}
	switch first, _, _ := strings.Cut(command, " "); first {
	case "echo", "true", ":", "set", "export", "local":
		return "", false // it tells people something, or nothing
	}
	return found[1] + "true" + found[3], true
}

// quoted finds the texts of a program in quotes, with something in them that is not filled in.
var quoted = regexp.MustCompile(`"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)'`)

// scriptWord changes the literals of programs that are no shell scripts, one by one.
func scriptWord(m *maker) {
	m.containers(func(container []any) {
		programs, shell := m.programs(container)
		if shell {
			return
		}
		for _, path := range programs {
			text := m.textAt(path...)
			for _, found := range quoted.FindAllStringIndex(text, -1) {
				literal := text[found[0]:found[1]]
				changed := literal[:len(literal)-1] + "_mutated" + literal[len(literal)-1:]
				m.add(fmt.Sprintf("%s instead of %s", changed, literal), Edit{Path: path, Value: text[:found[0]] + changed + text[found[1]:]})
			}
		}
	})
}
