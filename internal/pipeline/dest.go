package pipeline

import "strings"

// DestSteps takes the dest of a trigger's parameter apart as sjson does, by which Argo Events writes the value: dots
// separate steps, and a backslash takes the next character as it is.
func DestSteps(path string) []string {
	var steps []string
	var step strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			step.WriteByte(path[i])
		case path[i] == '.':
			steps = append(steps, step.String())
			step.Reset()
		default:
			step.WriteByte(path[i])
		}
	}
	return append(steps, step.String())
}
