package jq

import (
	"strconv"

	"github.com/itchyny/gojq"
)

// gives are the kinds of what functions give, by name and number of arguments, for those that say it whatever they are
// given.
var gives = map[string]Kinds{
	"tojson/0": String, "tostring/0": String, "ascii_downcase/0": String, "ascii_upcase/0": String, "type/0": String,
	"implode/0": String, "ltrim/0": String, "rtrim/0": String, "trim/0": String, "join/1": String, "todate/0": String,
	"todateiso8601/0": String, "strftime/1": String, "strflocaltime/1": String, "format/1": String, "ascii/0": String,
	"sub/2": String, "sub/3": String, "gsub/2": String, "gsub/3": String,
	"length/0": Number, "utf8bytelength/0": Number, "tonumber/0": Number, "now/0": Number, "mktime/0": Number, "fromdate/0": Number,
	"fromdateiso8601/0": Number, "floor/0": Number, "ceil/0": Number, "round/0": Number, "sqrt/0": Number, "abs/0": Number,
	"pow/2": Number, "log/0": Number, "infinite/0": Number, "nan/0": Number,
	"not/0": Bool, "has/1": Bool, "in/1": Bool, "contains/1": Bool, "inside/1": Bool, "startswith/1": Bool, "endswith/1": Bool,
	"test/1": Bool, "test/2": Bool, "any/0": Bool, "any/1": Bool, "any/2": Bool, "all/0": Bool, "all/1": Bool, "all/2": Bool,
	"isempty/1": Bool, "IN/1": Bool, "IN/2": Bool, "isnan/0": Bool, "isinfinite/0": Bool, "isnormal/0": Bool, "isfinite/0": Bool,
	"true/0": Bool, "false/0": Bool, "null/0": Null,
	"keys/0": Array, "map/1": Array, "to_entries/0": Array, "split/1": Array, "split/2": Array, "sort/0": Array, "sort_by/1": Array,
	"group_by/1": Array, "unique/0": Array, "unique_by/1": Array, "flatten/0": Array, "flatten/1": Array, "explode/0": Array,
	"indices/1": Array, "transpose/0": Array, "gmtime/0": Array, "localtime/0": Array, "strptime/1": Array, "toarray/0": Array,
	"builtins/0": Array, "reverse/0": Array | String | Null,
	"from_entries/0": Object, "with_entries/1": Object, "env/0": Object, "INDEX/1": Object, "INDEX/2": Object,
}

// keeps are the kinds of its input that a function lets through.
var keeps = map[string]Kinds{
	"objects/0": Object, "arrays/0": Array, "strings/0": String, "numbers/0": Number, "booleans/0": Bool, "nulls/0": Null,
	"values/0": Every &^ Null, "scalars/0": Null | Bool | Number | String, "iterables/0": Array | Object, "select/1": Every,
}

// never are functions after which nothing comes.
var never = map[string]bool{"empty/0": true, "error/0": true, "error/1": true, "halt/0": true, "halt_error/0": true, "halt_error/1": true, "input/0": true}

func (e *evaluator) call(f *gojq.Func, in Shape, names *scope) outputs {
	if f == nil || len(f.Name) > 0 && f.Name[0] == '$' {
		return one(Anything) // a variable
	}
	if own, ok := names.find(f.Name, len(f.Args)); ok {
		return e.own(own, in)
	}
	key := f.Name + "/" + strconv.Itoa(len(f.Args))
	if never[key] {
		return none()
	}
	if kinds, ok := keeps[key]; ok {
		kept := in.only(kinds)
		return outputs{first: kept, all: kept, empty: true}
	}
	if kinds, ok := gives[key]; ok {
		return one(Of(kinds))
	}
	switch key {
	case "debug/0", "debug/1":
		return one(in)
	case "del/1":
		return one(deleted(in, f.Args[0]))
	case "delpaths/1":
		return one(Of(in.Kinds))
	case "map_values/1", "walk/1", "pick/1", "setpath/2":
		return one(Of(blurred(in).Kinds & (Array | Object)))
	case "first/1", "limit/2":
		out := e.query(f.Args[len(f.Args)-1], in, names)
		out.empty = out.empty || key == "limit/2"
		out.many = out.many && key == "limit/2"
		return out
	case "recurse/0", "recurse/1", "recurse/2":
		return outputs{first: in, all: Anything, many: true}
	case "fromjson/0":
		if in.Kinds&String == 0 {
			return none()
		}
		return one(Anything)
	}
	return unknown()
}

// own is a function that the program defines. Its parameters, and calls too deep to follow, can be anything.
func (e *evaluator) own(function *scope, in Shape) outputs {
	if function.body == nil || e.depth > 8 {
		return unknown()
	}
	e.depth++
	defer func() { e.depth-- }()
	names := function // a function may call itself
	for _, parameter := range function.body.Args {
		if len(parameter) > 1 && parameter[0] == '$' {
			names = &scope{names, parameter[1:], 0, nil}
		}
		names = &scope{names, parameter, 0, nil}
	}
	return e.query(function.body.Body, in, names)
}
