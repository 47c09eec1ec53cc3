package handlers

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pythonText is str() of a value as it came from JSON.
func pythonText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return pythonRepr(value)
}

func pythonRepr(value any) string {
	switch value := value.(type) {
	case nil:
		return "None"
	case bool:
		if value {
			return "True"
		}
		return "False"
	case string:
		quote := "'"
		if strings.Contains(value, "'") && !strings.Contains(value, `"`) {
			quote = `"`
		}
		return quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(value) + quote
	case json.Number:
		return value.String()
	case float64:
		return fmt.Sprint(value)
	case []any:
		var all []string
		for _, one := range value {
			all = append(all, pythonRepr(one))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case map[string]any:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			all = append(all, pythonRepr(name)+": "+pythonRepr(value[name]))
		}
		return "{" + strings.Join(all, ", ") + "}"
	}
	return fmt.Sprint(value)
}
