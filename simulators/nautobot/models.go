package nautobot

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// modelFiles holds the data model of Nautobot 3.1, one file per app. What may be written there:
//
//	MODEL:                      path of the endpoint
//	  class, verbose, plural:   names; verbose and plural follow from class and path where they are left out
//	  is:                       primary (the default), organizational (no tags), changed (no notes and custom fields
//	                            either), assignment (no timestamps either, as bare) or bare (no changelog either)
//	  use:                      mixins whose fields come first
//	  natural, order, search, filters, unique, unique_given, unique_clean, tree, fixed, display, str: see model
//	  fields:                   name -> type and flags
//
// Types: text(MAX), int(LOW,HIGH), decimal(PLACES), float, bool, date, datetime, choice(NAME), choices(NAME), -> PATH,
// *-> PATH, via(PATH.NEAR.FAR), type, types, generic(TYPE FIELD), uuid, json, ip, mac, count(PATH.FIELD),
// computed(NAME), optin(NAME), and status, role, tenant. Flags: required, null, unique, readonly, writeonly, number,
// cascade, setnull, as NAME, label(NAME), =DEFAULT.
//
//go:embed models/*.yaml
var modelFiles embed.FS

// builtin is the data model of Nautobot 3.1 with UnderStack's plugin. It is read when the first server starts.
var builtin = sync.OnceValue(func() *schema {
	p := &schemaParser{schema: &schema{byPath: map[string]*model{}, byKind: map[string]*model{}, choices: map[string][]choice{}}, mixins: map[string]*yaml.Node{}}
	names, err := fs.Glob(modelFiles, "models/*.yaml")
	if err != nil {
		panic("nautobot: " + err.Error())
	}
	var documents []*yaml.Node
	for _, name := range names {
		data, err := modelFiles.ReadFile(name)
		if err != nil {
			panic("nautobot: " + err.Error())
		}
		var document yaml.Node
		if err := yaml.Unmarshal(data, &document); err != nil {
			panic(fmt.Sprintf("nautobot: %s: %v", name, err)) // the binary itself is broken
		}
		documents = append(documents, document.Content[0])
	}
	for _, section := range []string{"choices", "mixins", "models"} {
		for i, document := range documents {
			if err := p.section(document, section); err != nil {
				panic(fmt.Sprintf("nautobot: %s: %v", names[i], err))
			}
		}
	}
	if err := p.schema.link(); err != nil {
		panic("nautobot: " + err.Error())
	}
	return p.schema
})

type schemaParser struct {
	schema *schema
	mixins map[string]*yaml.Node
}

// pairs calls do for each pair of a mapping.
func pairs(node *yaml.Node, do func(key string, value *yaml.Node) error) error {
	if node == nil {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if err := do(node.Content[i].Value, node.Content[i+1]); err != nil {
			return fmt.Errorf("line %d: %s: %w", node.Content[i].Line, node.Content[i].Value, err)
		}
	}
	return nil
}

func (p *schemaParser) section(document *yaml.Node, section string) error {
	return pairs(document, func(key string, value *yaml.Node) error {
		if key != section {
			return nil
		}
		return pairs(value, func(name string, value *yaml.Node) error {
			switch section {
			case "choices":
				return pairs(value, func(key string, value *yaml.Node) error {
					p.schema.choices[name] = append(p.schema.choices[name], choice{key, value.Value})
					return nil
				})
			case "mixins":
				p.mixins[name] = value
				return nil
			default:
				m, err := p.model(name, value)
				if err == nil {
					p.schema.models = append(p.schema.models, m)
				}
				return err
			}
		})
	})
}

var words = regexp.MustCompile(`[A-Z]+(?:[a-z0-9]+)?`)

func (p *schemaParser) model(path string, node *yaml.Node) (*model, error) {
	m := &model{path: path, filters: map[string]string{}, byName: map[string]*field{}}
	is, use := "primary", []string(nil)
	var fields *yaml.Node
	var sets [3][][]string
	err := pairs(node, func(key string, value *yaml.Node) error {
		switch key {
		case "class":
			m.class = value.Value
		case "verbose":
			m.verbose = value.Value
		case "plural":
			m.plural = value.Value
		case "kind":
			m.kind = value.Value
		case "is":
			is = value.Value
		case "use":
			return value.Decode(&use)
		case "natural":
			return value.Decode(&m.natural)
		case "order":
			return value.Decode(&m.order)
		case "search":
			return value.Decode(&m.search)
		case "filters":
			return value.Decode(&m.filters)
		case "unique":
			return value.Decode(&sets[byValidator])
		case "unique_given":
			return value.Decode(&sets[whenGiven])
		case "unique_clean":
			return value.Decode(&sets[byModel])
		case "tree":
			m.tree = value.Value == "true"
		case "fixed":
			m.fixed = value.Value == "true"
		case "display":
			m.display = value.Value
		case "str":
			m.str = value.Value
		case "fields":
			fields = value
		default:
			return fmt.Errorf("unknown key")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := m.base(is); err != nil {
		return nil, err
	}
	for _, name := range use {
		switch name {
		case "noted":
			m.notes = true
			continue
		case "tagged":
			m.tags = true
			continue
		}
		mixin := p.mixins[name]
		if mixin == nil {
			return nil, fmt.Errorf("no mixin is named %q", name)
		}
		if err := pairs(mixin, func(name string, value *yaml.Node) error { return p.field(m, name, value.Value) }); err != nil {
			return nil, err
		}
	}
	if err := pairs(fields, func(name string, value *yaml.Node) error { return p.field(m, name, value.Value) }); err != nil {
		return nil, err
	}
	if m.tags {
		if err := p.field(m, "tags", "*-> extras/tags"); err != nil {
			return nil, err
		}
	}
	if m.tree {
		if err := p.field(m, "tree_depth", "computed(tree-depth)"); err != nil {
			return nil, err
		}
	}
	return m, m.finish(sets)
}

// base sets what a model's base class in Django brings with it.
func (m *model) base(is string) error {
	switch is {
	case "primary":
		m.tags, m.notes, m.custom, m.stamped, m.logged = true, true, true, true, true
	case "organizational":
		m.notes, m.custom, m.stamped, m.logged = true, true, true, true
	case "changed":
		m.stamped, m.logged = true, true
	case "assignment":
		m.logged = true
	case "bare":
	default:
		return fmt.Errorf("unknown base %q", is)
	}
	return nil
}

// finish fills in what follows from the rest.
func (m *model) finish(sets [3][][]string) error {
	app, endpoint := m.path[:strings.LastIndex(m.path, "/")], m.path[strings.LastIndex(m.path, "/")+1:]
	if m.class == "" {
		return fmt.Errorf("no class")
	}
	if m.kind == "" {
		m.kind = app + "." + strings.ToLower(m.class)
	}
	if m.verbose == "" {
		m.verbose = strings.ToLower(strings.Join(words.FindAllString(m.class, -1), " "))
	}
	if m.plural == "" {
		m.plural = strings.ReplaceAll(endpoint, "-", "_")
	}
	if len(m.natural) == 0 {
		m.natural = []string{"name"}
		if m.field("name") == nil {
			m.natural = []string{"id"}
		}
	}
	if len(m.order) == 0 {
		m.order = []string{m.natural[0]}
	}
	if m.display == "" {
		m.display = "{" + m.natural[0] + "}"
		if m.field("name") != nil {
			m.display = "{name}"
		}
	}
	if m.str == "" {
		m.str = m.display
	}
	for style, sets := range sets {
		for _, names := range sets {
			set := uniqueSet{style: uniqueStyle(style)}
			for _, name := range names {
				f := m.field(name)
				if f == nil || f.at < 0 {
					return fmt.Errorf("unique set names %q, which is no stored field", name)
				}
				set.fields = append(set.fields, f)
			}
			m.unique = append(m.unique, set)
		}
	}
	for _, name := range append(slices.Clone(m.natural), m.order...) {
		name = strings.TrimLeft(name, "_-")
		if f := m.field(name); name != "id" && name != "created" && (f == nil || f.at < 0) {
			return fmt.Errorf("natural key or order names %q, which is no stored field", name)
		}
	}
	for _, f := range m.fields {
		if f.unique {
			m.sets = append(m.sets, uniqueSet{fields: []*field{f}})
		}
	}
	m.sets = append(m.sets, m.unique...)
	return nil
}

var fieldPattern = regexp.MustCompile(`label\([^)]*\)+|=\S+|\S+\([^)]*\)|\S+`)

// field reads one field's definition and adds it to m.
func (p *schemaParser) field(m *model, name, definition string) error {
	switch first, rest, _ := strings.Cut(definition, " "); first {
	case "status":
		definition = "-> extras/statuses required " + rest
	case "role":
		definition = "-> extras/roles " + rest
	case "tenant":
		definition = "-> tenancy/tenants " + rest
	}
	f := &field{name: name, at: -1}
	tokens := fieldPattern.FindAllString(definition, -1)
	if tokens[0] == "->" || tokens[0] == "*->" {
		tokens = append([]string{tokens[0] + "(" + tokens[1] + ")"}, tokens[2:]...)
	}
	def, given := "", false
	for i := 0; i < len(tokens); i++ {
		word, argument := tokens[i], ""
		if at := strings.IndexByte(word, '('); at > 0 && strings.HasSuffix(word, ")") {
			word, argument = word[:at], word[at+1:len(word)-1]
		}
		switch {
		case i == 0:
			if err := f.typed(word, argument, p.schema); err != nil {
				return err
			}
		case word == "required":
			f.required = true
		case word == "null":
			f.null = true
		case word == "unique":
			f.unique = true
		case word == "natural": // sorted with its numbers as numbers; said by the order where it matters
		case word == "readonly":
			f.readOnly = true
		case word == "writeonly":
			f.hidden = true
		case word == "number":
			f.number = true
		case word == "cascade":
			f.onDelete = cascade
		case word == "setnull":
			f.onDelete = setNull
		case word == "as" && i+1 < len(tokens):
			i++
			f.reverse = tokens[i]
		case word == "label":
			f.label = argument
		case strings.HasPrefix(word, "="):
			def, given = tokens[i][1:], true
		default:
			return fmt.Errorf("unknown flag %q", word)
		}
	}
	if f.kind == related && f.null {
		f.required = false // status null
	}
	f.defaults(def, given)
	m.add(f)
	return nil
}

// add gives a field its place.
func (m *model) add(f *field) {
	switch f.kind {
	case through, counted, computed:
		f.readOnly = true
	default:
		f.at = len(m.stored)
		m.stored = append(m.stored, f)
	}
	m.fields = append(m.fields, f)
	m.byName[f.name] = f
}

func (f *field) typed(word, argument string, s *schema) error {
	kinds := map[string]kind{
		"text": text, "int": integer, "decimal": decimal, "float": float, "bool": boolean, "date": date, "datetime": datetime,
		"choice": choiceOf, "choices": choiceList, "->": related, "*->": relatedList, "via": through, "type": contentType,
		"types": contentTypes, "generic": generic, "uuid": identifier, "json": object, "ip": address, "mac": mac,
		"count": counted, "computed": computed, "optin": computed,
	}
	kind, known := kinds[word]
	if !known {
		return fmt.Errorf("unknown type %q", word)
	}
	f.kind = kind
	switch word {
	case "text", "decimal":
		if argument != "" {
			number, err := strconv.Atoi(argument)
			if err != nil {
				return fmt.Errorf("%s(%s): %w", word, argument, err)
			}
			if word == "text" {
				f.max = number
			} else {
				f.places = number
			}
		}
	case "int":
		if argument != "" {
			if _, err := fmt.Sscanf(argument, "%d,%d", &f.low, &f.high); err != nil {
				return fmt.Errorf("int(%s): %w", argument, err)
			}
		}
	case "choice", "choices":
		if f.choices = s.choices[argument]; f.choices == nil {
			return fmt.Errorf("no choices are named %q", argument)
		}
	case "->", "*->":
		f.to = argument
	case "via", "count":
		parts := strings.Split(argument+"..", ".")
		f.to, f.near, f.far = parts[0], parts[1], parts[2]
	case "generic", "computed":
		f.far = argument
	case "optin":
		f.far, f.near = argument, "optin"
	}
	return nil
}

// defaults decides what a field holds when nothing was given, and whether it may be empty.
func (f *field) defaults(def string, given bool) {
	switch f.kind {
	case text, choiceOf:
		f.blank = !f.required
		switch {
		case given && f.kind == choiceOf:
			f.def, f.blank = def, false
		case given:
			f.def = def
		case !f.null:
			f.def = ""
		}
	case integer:
		if given {
			number, err := strconv.ParseInt(def, 10, 64)
			if err != nil {
				panic("nautobot: default of " + f.name + ": " + err.Error())
			}
			f.def = number
		}
	case decimal:
		if given {
			f.def = def
		}
	case boolean:
		f.def = def == "true"
	case relatedList, contentTypes:
		f.def = []string{}
	case related:
		f.null = !f.required || f.null
	case choiceList, object:
		f.null = f.null || !f.required
		if f.kind == choiceList {
			f.def = []string{}
		}
	}
}

// link resolves what models say of each other. It is called again when models were added.
func (s *schema) link() error {
	clear(s.byPath)
	clear(s.byKind)
	for _, m := range s.models {
		if s.byPath[m.path] != nil {
			return fmt.Errorf("%s is there twice", m.path)
		}
		s.byPath[m.path], s.byKind[m.kind] = m, m
		m.pointed, m.byBack = nil, map[string]reference{}
	}
	for _, m := range s.models {
		for _, f := range m.fields {
			to := s.byPath[f.to]
			f.target = to
			switch f.kind {
			case related, relatedList:
				if to == nil {
					return fmt.Errorf("%s.%s refers to %q, which is no model", m.path, f.name, f.to)
				}
				f.indexed = true
				if f.reverse == "" {
					f.reverse = m.plural
				}
				to.pointed = append(to.pointed, reference{m, f})
				if _, taken := to.byBack[f.reverse]; !taken {
					to.byBack[f.reverse] = reference{m, f}
				}
			case through, counted:
				if f.to != "" && (to == nil || to.field(f.near) == nil || (f.kind == through && to.field(f.far) == nil)) {
					return fmt.Errorf("%s.%s goes through %s.%s.%s, which is not there", m.path, f.name, f.to, f.near, f.far)
				}
			case computed:
				if shownComputed[f.far] == nil {
					return fmt.Errorf("%s.%s is computed by %q, which is not there", m.path, f.name, f.far)
				}
			case generic:
				f.indexed = true
				if m.field(f.far) == nil {
					return fmt.Errorf("%s.%s has no field %q", m.path, f.name, f.far)
				}
			default:
				f.indexed = f.unique || f.name == "name" || slices.Contains(m.natural, f.name) || indexedNames[f.name]
			}
		}
		m.arrange()
	}
	return nil
}

// indexedNames are fields that clients filter by without being keys.
var indexedNames = map[string]bool{"host": true, "address": true, "serial": true, "mac_address": true, "vid": true, "changed_object_id": true, "request_id": true}
