package jq

import "github.com/itchyny/gojq"

// assign is `path = value`, `path |= f` and their kin.
func (e *evaluator) assign(q *gojq.Query, in Shape, names *scope) outputs {
	var value outputs
	path, simple := plainPath(q.Left)
	switch q.Op {
	case gojq.OpAssign:
		value = e.query(q.Right, in, names)
	case gojq.OpModify:
		if simple {
			value = e.query(q.Right, at(in, path), names)
		} else {
			value = unknown()
		}
	default:
		value = unknown()
	}
	if q.Op == gojq.OpAssign && value.all.Kinds == Nothing {
		return none()
	}
	if !simple {
		return outputs{first: blurred(in), all: blurred(in), empty: value.empty, many: value.many}
	}
	if q.Op == gojq.OpModify && value.empty {
		value.all = Anything // or nothing: then the field is taken out
	}
	shape := setAt(in, path, value.all)
	return outputs{first: shape, all: shape, empty: value.empty && q.Op == gojq.OpAssign || shape.Kinds == Nothing, many: value.many}
}

// blurred is the value after a change at a place that is not known.
func blurred(in Shape) Shape {
	kinds := in.Kinds
	if kinds&Null != 0 {
		kinds |= Array | Object
	}
	return Of(kinds)
}

// plainPath is the names that a path expression such as `.body["oslo.message"]` goes through.
func plainPath(q *gojq.Query) ([]string, bool) {
	if q == nil || len(q.FuncDefs) > 0 || q.Func != "" {
		return nil, false
	}
	if q.Term == nil {
		if q.Op != gojq.OpPipe {
			return nil, false
		}
		left, ok := plainPath(q.Left)
		right, also := plainPath(q.Right)
		return append(left, right...), ok && also
	}
	var path []string
	switch q.Term.Type {
	case gojq.TermTypeIdentity:
	case gojq.TermTypeIndex:
		name, known := constantName(q.Term.Index)
		if !known {
			return nil, false
		}
		path = append(path, name)
	case gojq.TermTypeQuery:
		inner, ok := plainPath(q.Term.Query)
		if !ok {
			return nil, false
		}
		path = append(path, inner...)
	default:
		return nil, false
	}
	for _, suffix := range q.Term.SuffixList {
		if suffix.Optional {
			continue
		}
		if suffix.Index == nil {
			return nil, false
		}
		name, known := constantName(suffix.Index)
		if !known {
			return nil, false
		}
		path = append(path, name)
	}
	return path, true
}

// at is what is known of the value at a path; null where there is none.
func at(shape Shape, path []string) Shape {
	for _, name := range path {
		shape = orNull(shape.Field(name))
	}
	return shape
}

// setAt is the value with another one put in at a path. Null becomes an object; anything else that is no object fails.
func setAt(shape Shape, path []string, value Shape) Shape {
	if len(path) == 0 {
		return value
	}
	object := shape.only(Object)
	if shape.Kinds&Null != 0 {
		object = join(object, Closed(nil))
	}
	if object.Kinds == Nothing {
		return Shape{}
	}
	inner := object.Field(path[0])
	if inner.Kinds == Nothing {
		inner = Of(Null)
	}
	set := setAt(inner, path[1:], value)
	if set.Kinds == Nothing {
		return Shape{}
	}
	return object.with(path[0], set)
}

// without is the value with what is at a path taken out.
func without(shape Shape, path []string) Shape {
	switch {
	case len(path) == 0:
		return Of(Null)
	case shape.Kinds&Object == 0:
		return shape
	case len(path) == 1:
		return shape.with(path[0], Shape{})
	}
	inner := shape.Field(path[0])
	if inner.Kinds == Nothing {
		return shape
	}
	return shape.with(path[0], without(inner, path[1:]))
}

// deleted is what `del` leaves.
func deleted(in Shape, q *gojq.Query) Shape {
	if q != nil && q.Term == nil && q.Op == gojq.OpComma {
		return deleted(deleted(in, q.Left), q.Right)
	}
	if path, ok := plainPath(q); ok {
		return without(in, path)
	}
	return Of(in.Kinds)
}
