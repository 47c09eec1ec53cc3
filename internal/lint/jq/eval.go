package jq

import "github.com/itchyny/gojq"

// outputs is what a part of a program gives.
type outputs struct {
	first Shape // the first of its outputs
	all   Shape // any of its outputs
	empty bool  // there may be none
	many  bool  // it is written to give several
}

func one(shape Shape) outputs {
	return outputs{first: shape, all: shape, empty: shape.Kinds == Nothing}
}

// unknown is what is taken of a part that is not understood.
func unknown() outputs { return outputs{first: Anything, all: Anything, empty: true} }

func none() outputs { return outputs{empty: true} }

func either(a, b outputs) outputs {
	return outputs{first: join(a.first, b.first), all: join(a.all, b.all), empty: a.empty || b.empty, many: a.many || b.many}
}

// scope is what function names stand for; nil for a parameter, of which nothing is known.
type scope struct {
	outer *scope
	name  string
	arity int
	body  *gojq.FuncDef
}

func (s *scope) find(name string, arity int) (*scope, bool) {
	for ; s != nil; s = s.outer {
		if s.name == name && s.arity == arity {
			return s, true
		}
	}
	return nil, false
}

// evaluator goes through a program once. budget bounds the steps, and depth the functions that call functions.
type evaluator struct {
	budget, depth int
}

func (e *evaluator) query(q *gojq.Query, in Shape, names *scope) outputs {
	e.budget--
	if q == nil || e.budget < 0 || len(q.Imports) > 0 {
		return unknown()
	}
	if in.Kinds == Nothing {
		return none()
	}
	for _, def := range q.FuncDefs {
		names = &scope{names, def.Name, len(def.Args), def}
	}
	if q.Func != "" {
		return e.call(&gojq.Func{Name: q.Func}, in, names)
	}
	if q.Term != nil {
		return e.term(q.Term, in, names)
	}
	switch q.Op {
	case gojq.OpPipe:
		return e.pipe(e.query(q.Left, in, names), q.Right, names)
	case gojq.OpComma:
		left, right := e.query(q.Left, in, names), e.query(q.Right, in, names)
		first := left.first
		if left.empty {
			first = join(first, right.first)
		}
		return outputs{first: first, all: join(left.all, right.all), empty: left.empty && right.empty, many: true}
	case gojq.OpAlt:
		left, right := e.query(q.Left, in, names), e.query(q.Right, in, names)
		shape := join(left.all.only(Every&^Null), right.all)
		return outputs{first: shape, all: shape, empty: right.empty, many: left.many || right.many}
	case gojq.OpAdd, gojq.OpSub, gojq.OpMul, gojq.OpDiv, gojq.OpMod:
		left, right := e.query(q.Left, in, names), e.query(q.Right, in, names)
		shape := arithmetic(q.Op, left.all, right.all)
		return outputs{first: shape, all: shape, empty: left.empty || right.empty || shape.Kinds == Nothing, many: left.many || right.many}
	case gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe, gojq.OpAnd, gojq.OpOr:
		left, right := e.query(q.Left, in, names), e.query(q.Right, in, names)
		return outputs{first: Of(Bool), all: Of(Bool), empty: left.empty || right.empty, many: left.many || right.many}
	case gojq.OpAssign, gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul, gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt:
		return e.assign(q, in, names)
	}
	return unknown()
}

// pipe feeds what one part gives into the next.
func (e *evaluator) pipe(left outputs, right *gojq.Query, names *scope) outputs {
	all := e.query(right, left.all, names)
	first := e.query(right, left.first, names)
	result := outputs{first: first.first, all: all.all, empty: left.empty || first.empty, many: left.many || all.many}
	if first.empty || left.first.Kinds == Nothing {
		result.first = join(first.first, all.all)
	}
	return result
}

// arithmetic is what an operator gives; where kinds do not fit each other it fails.
func arithmetic(op gojq.Operator, a, b Shape) Shape {
	same := a.Kinds & b.Kinds
	result := Of(same & Number)
	switch op {
	case gojq.OpAdd:
		result = join(result, Of(same&(String|Array)))
		if a.Kinds&Null != 0 {
			result = join(result, b)
		}
		if b.Kinds&Null != 0 {
			result = join(result, a)
		}
		if same&Object != 0 {
			result = join(result, merged(a, b))
		}
	case gojq.OpSub:
		result = join(result, Of(same&Array))
	case gojq.OpMul:
		if (a.Kinds|b.Kinds)&String != 0 && (a.Kinds|b.Kinds)&Number != 0 {
			result = join(result, Of(String|Null))
		}
		if same&Object != 0 {
			deep := merged(a, b)
			for name := range deep.Fields {
				deep.Fields[name] = Anything // objects in objects are merged too
			}
			result = join(result, deep)
		}
	case gojq.OpDiv:
		if same&String != 0 {
			result = join(result, Of(Array))
		}
	}
	return result
}

// merged is an object with the fields of two, the second's where both have one.
func merged(a, b Shape) Shape {
	result := Shape{Kinds: Object, Fields: map[string]Shape{}, Open: a.Open || b.Open}
	for _, name := range names(a, b) {
		result.Fields[name] = join(a.Field(name), b.Field(name))
	}
	return result
}

func (e *evaluator) term(t *gojq.Term, in Shape, names *scope) outputs {
	out := e.bare(t, in, names)
	for _, suffix := range t.SuffixList {
		out = e.suffix(suffix, out, in, names)
	}
	return out
}

// bare is a term without its suffixes.
func (e *evaluator) bare(t *gojq.Term, in Shape, names *scope) outputs {
	switch t.Type {
	case gojq.TermTypeIdentity:
		return one(in)
	case gojq.TermTypeRecurse:
		return outputs{first: in, all: Anything, many: true}
	case gojq.TermTypeNull:
		return one(Of(Null))
	case gojq.TermTypeTrue, gojq.TermTypeFalse:
		return one(Of(Bool))
	case gojq.TermTypeNumber:
		return one(Of(Number))
	case gojq.TermTypeString, gojq.TermTypeFormat:
		return one(Of(String))
	case gojq.TermTypeUnary:
		return one(Of(Number))
	case gojq.TermTypeIndex:
		return e.index(t.Index, one(in))
	case gojq.TermTypeFunc:
		return e.call(t.Func, in, names)
	case gojq.TermTypeObject:
		return e.object(t.Object, in, names)
	case gojq.TermTypeArray:
		return one(Of(Array))
	case gojq.TermTypeIf:
		out := e.query(t.If.Then, in, names)
		for _, elif := range t.If.Elif {
			out = either(out, e.query(elif.Then, in, names))
		}
		if t.If.Else != nil {
			return either(out, e.query(t.If.Else, in, names))
		}
		return either(out, one(in))
	case gojq.TermTypeTry:
		out := e.query(t.Try.Body, in, names)
		if t.Try.Catch != nil {
			out = either(out, e.query(t.Try.Catch, Of(Every), names))
		}
		out.empty = true
		return out
	case gojq.TermTypeLabel:
		out := e.query(t.Label.Body, in, names)
		out.empty = true
		return out
	case gojq.TermTypeBreak:
		return none()
	case gojq.TermTypeQuery:
		return e.query(t.Query, in, names)
	}
	return unknown() // reduce, foreach
}

func (e *evaluator) suffix(s *gojq.Suffix, out outputs, in Shape, names *scope) outputs {
	switch {
	case s.Index != nil:
		return e.index(s.Index, out)
	case s.Iter:
		if out.all.Kinds&(Array|Object) == 0 {
			return none()
		}
		item := Anything
		if out.all.Kinds&Array == 0 && !out.all.Open {
			item = Shape{}
			for _, field := range out.all.Fields {
				item = join(item, field)
			}
		}
		return outputs{first: item, all: item, empty: true, many: true}
	case s.Optional:
		out.empty = true
		return out
	case s.Bind != nil:
		body := e.query(s.Bind.Body, in, names)
		body.empty, body.many = body.empty || out.empty, body.many || out.many
		return body
	}
	return unknown()
}

// index is `.name`, `.["name"]`, `.[0]`, `.[1:2]`.
func (e *evaluator) index(i *gojq.Index, out outputs) outputs {
	get := func(shape Shape) Shape {
		name, known := constantName(i)
		switch {
		case known:
			var field Shape
			if shape.Kinds&Object != 0 {
				field = shape.Field(name)
				if field.Kinds == Nothing {
					field = Of(Null) // what jq gives for a field that is not there
				}
			}
			if shape.Kinds&Null != 0 {
				field = join(field, Of(Null))
			}
			return field
		case i.IsSlice:
			return Of(shape.Kinds & (Array | String | Null))
		default:
			if shape.Kinds&(Array|Object|Null) == 0 {
				return Shape{}
			}
			return Anything
		}
	}
	out.first, out.all = get(out.first), get(out.all)
	if out.all.Kinds == Nothing || out.first.Kinds == Nothing {
		out.empty = true
	}
	return out
}

// constantName is the name that an index gives in so many words.
func constantName(i *gojq.Index) (string, bool) {
	switch {
	case i.Name != "":
		return i.Name, true
	case i.Str != nil && len(i.Str.Queries) == 0:
		return i.Str.Str, true
	case i.Start != nil && !i.IsSlice && i.End == nil:
		return constantString(i.Start)
	}
	return "", false
}

func constantString(q *gojq.Query) (string, bool) {
	if q == nil || q.Term == nil || q.Term.Type != gojq.TermTypeString || len(q.Term.SuffixList) > 0 || len(q.Term.Str.Queries) > 0 {
		return "", false
	}
	return q.Term.Str.Str, true
}

func (e *evaluator) object(o *gojq.Object, in Shape, names *scope) outputs {
	result := Closed(map[string]Shape{})
	out := outputs{}
	for _, pair := range o.KeyVals {
		name, known := pair.Key, pair.Key != ""
		if pair.KeyString != nil && len(pair.KeyString.Queries) == 0 {
			name, known = pair.KeyString.Str, true
		}
		value := one(Anything)
		switch {
		case pair.Val != nil:
			value = e.query(pair.Val, in, names)
		case known && name[0] == '$':
			name = name[1:]
		case known:
			value = one(orNull(in.Field(name)))
		}
		out.empty, out.many = out.empty || value.empty, out.many || value.many
		if value.all.Kinds == Nothing {
			return none() // the value always fails or is empty, and with it the object
		}
		if known && (name == "" || name[0] != '@') {
			result.Fields[name] = value.all
		} else {
			result.Open = true
		}
	}
	out.first, out.all = result, result
	return out
}

func orNull(shape Shape) Shape {
	if shape.Kinds == Nothing {
		return Of(Null)
	}
	return shape
}
