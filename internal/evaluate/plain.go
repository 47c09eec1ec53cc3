package evaluate

import (
	"reflect"
	"slices"

	"github.com/itchyny/gojq"
)

// plainFunctions are jq's functions whose work and result grow no faster than what they are given.
var plainFunctions = []string{
	"fromjson", "tojson", "tostring", "tonumber", "not", "length", "keys", "has", "type", "ascii_downcase", "ascii_upcase", "ltrimstr", "rtrimstr", "startswith", "endswith",
}

// plain says whether a program only walks the event and puts together what it finds, as most transforms do: it comes to an end,
// and gives one result at most.
func plain(query *gojq.Query) bool {
	return plainValue(reflect.ValueOf(query))
}

func plainValue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || plainValue(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if !plainValue(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		switch node := v.Interface().(type) {
		case gojq.Import, gojq.FuncDef, gojq.Reduce, gojq.Foreach, gojq.Label:
			return false
		case gojq.Func:
			if !slices.Contains(plainFunctions, node.Name) {
				return false
			}
		case gojq.Suffix:
			if node.Iter {
				return false
			}
		case gojq.Query:
			// Several results multiply, and so do texts.
			if node.Op == gojq.OpComma || node.Op == gojq.OpMul {
				return false
			}
		}
		for i := range v.NumField() {
			if !plainValue(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
