package values_test

import (
	"encoding/json"
	"testing"

	"github.com/eventrig/eventrig/simulators/internal/values"
)

func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b any
		want bool
	}{
		{1, json.Number("1"), true},
		{1, 1.0, true},
		{"1", 1, false},
		{nil, nil, true},
		{map[string]any{"a": []any{1}}, map[string]any{"a": []int{1}}, true},
		{make(chan int), 1, false},
	} {
		if got := values.Equal(test.a, test.b); got != test.want {
			t.Errorf("Equal(%v, %v) = %t", test.a, test.b, got)
		}
	}
}
