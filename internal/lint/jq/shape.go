// Package jq tells what a jq program can give, without running it, and runs it within a limit of time.
//
// In: a program and the shape of what it is given. Out: the shape of what it gives: which kinds of JSON value its first
// output can be, and which fields an object among them has for certain or certainly lacks. What cannot be told is taken
// to be anything, so that "it cannot" is always right.
package jq

import (
	"maps"
	"strings"
)

// Kinds is a set of kinds of JSON values.
type Kinds uint8

// The kinds of JSON values.
const (
	Null Kinds = 1 << iota
	Bool
	Number
	String
	Array
	Object

	Nothing Kinds = 0
	Every         = Null | Bool | Number | String | Array | Object
)

var kindNames = []struct {
	kind Kinds
	name string
}{{Null, "null"}, {Bool, "a boolean"}, {Number, "a number"}, {String, "a string"}, {Array, "an array"}, {Object, "an object"}}

// String names the kinds: "a string or null".
func (k Kinds) String() string {
	var names []string
	for _, known := range kindNames {
		if k&known.kind != 0 {
			names = append(names, known.name)
		}
	}
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	}
	return strings.Join(names[1:], ", ") + " or " + names[0]
}

// Shape is what is known of a value.
type Shape struct {
	Kinds  Kinds            // it is one of these; Nothing: there is no value
	Fields map[string]Shape // if it is an object: what is known of its fields. A field without kinds is not there
	Open   bool             // if it is an object: it may have fields besides Fields
}

// Anything is a value of which nothing is known.
var Anything = Shape{Kinds: Every, Open: true}

// Of is a value of one of some kinds of which no more is known.
func Of(kinds Kinds) Shape { return Shape{Kinds: kinds, Open: kinds&Object != 0} }

// Closed is an object with these fields and no others.
func Closed(fields map[string]Shape) Shape { return Shape{Kinds: Object, Fields: fields} }

// Field is what is known of a field of the value. The result has no kinds if the value is certain not to have it.
func (s Shape) Field(name string) Shape {
	if s.Kinds&Object == 0 {
		return Shape{}
	}
	if field, ok := s.Fields[name]; ok {
		return field
	}
	if s.Open {
		return Anything
	}
	return Shape{}
}

// join is a value that is one or the other.
func join(a, b Shape) Shape {
	switch {
	case a.Kinds == Nothing:
		return b
	case b.Kinds == Nothing:
		return a
	}
	result := Shape{Kinds: a.Kinds | b.Kinds}
	switch {
	case a.Kinds&Object == 0:
		result.Fields, result.Open = b.Fields, b.Open
		return result
	case b.Kinds&Object == 0:
		result.Fields, result.Open = a.Fields, a.Open
		return result
	}
	result.Open = a.Open || b.Open
	for _, name := range names(a, b) {
		x, y := a.Field(name), b.Field(name)
		field := join(x, y)
		// Where only one of them has the field for certain, a lookup must still find that it can be there.
		if field.Kinds == Every && field.Open && result.Open && len(field.Fields) == 0 {
			continue
		}
		if result.Fields == nil {
			result.Fields = map[string]Shape{}
		}
		result.Fields[name] = field
	}
	return result
}

// names are the fields that anything is known of.
func names(a, b Shape) []string {
	all := maps.Clone(a.Fields)
	if all == nil {
		all = map[string]Shape{}
	}
	maps.Copy(all, b.Fields)
	list := make([]string, 0, len(all))
	for name := range all {
		list = append(list, name)
	}
	return list
}

// with is the value with a field set; without kinds: taken out.
func (s Shape) with(name string, field Shape) Shape {
	s.Fields = maps.Clone(s.Fields)
	if s.Fields == nil {
		s.Fields = map[string]Shape{}
	}
	s.Fields[name] = field
	return s
}

// only is the value if it is of one of the kinds.
func (s Shape) only(kinds Kinds) Shape {
	s.Kinds &= kinds
	if s.Kinds&Object == 0 {
		s.Fields, s.Open = nil, false
	}
	return s
}
