// Package jsonvalue works on decoded JSON.
package jsonvalue

// Clone copies a value as encoding/json decodes it: what it returns shares no object and no list with it. Other values, such as
// numbers of any type, are taken as they are.
func Clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		fields := make(map[string]any, len(value))
		for name, field := range value {
			fields[name] = Clone(field)
		}
		return fields
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = Clone(item)
		}
		return items
	}
	return value
}
