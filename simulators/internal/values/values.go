// Package values compares field values of the simulators' stores, which come from YAML, from JSON and from Go, and draws
// ids.
package values

import "encoding/json"

// Equal compares as JSON: numbers from YAML and from Go's types are the same when they are written the same.
func Equal(a, b any) bool {
	left, err := json.Marshal(a)
	if err != nil {
		return false
	}
	right, err := json.Marshal(b)
	return err == nil && string(left) == string(right)
}
