package oslo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/internal/failure"
)

// Quality says how close a notification of the catalogue is to the real service's.
type Quality string

// The qualities.
const (
	// Exact: every key of the payload is the real one's, as its schema, its code or a captured message shows. Values are
	// our own.
	Exact Quality = "exact"
	// BestEffort: the real service builds the payload from more than its code shows (an API's answer, a database row), so
	// keys may be missing, or be more than a given installation has.
	BestEffort Quality = "best effort"
)

// serviceFile is SERVICE/service.yaml: what all notifications of a service have in common.
type serviceFile struct {
	VHost      string            `json:"vhost"`
	Exchange   string            `json:"exchange"`
	Topic      string            `json:"topic"`
	Object     string            `json:"object"`    // the prefix of a versioned object's keys, for example ironic_object
	Namespace  string            `json:"namespace"` // of versioned objects
	Priorities map[string]string `json:"priorities"`
	Publishers map[string]string `json:"publishers"`
	Contexts   map[string]any    `json:"contexts"`
	Words      map[string]string `json:"words"`
	Survey     string            `json:"survey"` // what an earlier count of the services' heads of mid-2026 found
	Real       []Count           `json:"real"`
}

// Count is how many event types of one kind a real service has.
type Count struct {
	Kind    string `json:"kind"`
	Types   string `json:"types"`   // a regular expression for the whole event type; the first kind that fits has it
	Topic   string `json:"topic"`   // where the event type is on several topics
	Count   int    `json:"count"`   // how many the real service has
	Counted string `json:"counted"` // where that was counted
	Missing string `json:"missing"` // what the catalogue lacks of them
}

// definitionFile is any other SERVICE/*.yaml, and common.yaml: payloads, and the event types that have them.
type definitionFile struct {
	Quality string            `json:"quality"`
	Source  string            `json:"source"`
	Words   map[string]string `json:"words"`
	Parts   map[string]any    `json:"parts"`
	Objects map[string]object `json:"objects"`
	Events  []eventDefinition `json:"events"`
}

// object is a versioned object (oslo.versionedobjects).
type object struct {
	Version string `json:"version"`
	Data    any    `json:"data"`
}

// eventDefinition is a row of the catalogue: one event type, or one for each combination of its parameters.
type eventDefinition struct {
	Type      string         `json:"type"`
	Variant   string         `json:"variant"`
	Each      parameterSets  `json:"each"`
	Says      string         `json:"says"`
	Topic     string         `json:"topic"`
	Priority  string         `json:"priority"`
	Publisher string         `json:"publisher"`
	Context   string         `json:"context"`
	Payload   any            `json:"payload"`
	Set       map[string]any `json:"set"`
	Quality   string         `json:"quality"`
	Source    string         `json:"source"`
}

// parameterSets is one map of parameters, or several: each parameter has a value or a list of them.
type parameterSets []map[string]any

// UnmarshalJSON reads one map as a list of one, and lists of lists as one list, so that rows can share parts of theirs.
func (p *parameterSets) UnmarshalJSON(data []byte) error {
	value, err := decode(data)
	if err != nil {
		return err
	}
	var flatten func(value any) error
	flatten = func(value any) error {
		switch v := value.(type) {
		case map[string]any:
			*p = append(*p, v)
		case []any:
			for _, child := range v {
				if err := flatten(child); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("each must be maps of parameters, has %s", kind(value))
		}
		return nil
	}
	return flatten(value)
}

// mostRows is more event types than any service has.
const mostRows = 10_000

// combinations returns every combination of the parameters, one empty one where there are none.
func (p parameterSets) combinations() ([]map[string]any, error) {
	if len(p) == 0 {
		return []map[string]any{{}}, nil
	}
	var all []map[string]any
	for _, set := range p {
		combined := []map[string]any{{}}
		for name, values := range set {
			list, ok := values.([]any)
			if !ok {
				list = []any{values}
			}
			if len(combined)*len(list) > mostRows {
				return nil, fmt.Errorf("each gives more than %d combinations", mostRows)
			}
			var next []map[string]any
			for _, so := range combined {
				for _, value := range list {
					one := map[string]any{name: value}
					for key, known := range so {
						one[key] = known
					}
					next = append(next, one)
				}
			}
			combined = next
		}
		all = append(all, combined...)
	}
	return all, nil
}

// service is everything that the files of one service say.
type service struct {
	name    string
	file    serviceFile
	words   map[string]string
	parts   map[string]any
	objects map[string]object
	rows    []row
}

// row is an event definition with what its file says for all.
type row struct {
	eventDefinition
	file string
}

// readServices reads every SERVICE/*.yaml, and common.yaml whose parts and words all services share.
func readServices(files fs.FS) (map[string]*service, error) {
	shared := &service{words: map[string]string{}, parts: map[string]any{}, objects: map[string]object{}}
	if err := shared.read(files, "common.yaml"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names, err := fs.Glob(files, "*/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the definitions: %w", err)
	}
	services := map[string]*service{}
	for _, file := range names {
		name := path.Dir(file)
		s := services[name]
		if s == nil {
			s = &service{name: name, words: map[string]string{}, parts: map[string]any{}, objects: map[string]object{}}
			for key, value := range shared.words {
				s.words[key] = value
			}
			for key, value := range shared.parts {
				s.parts[key] = value
			}
			services[name] = s
		}
		if err := s.read(files, file); err != nil {
			return nil, err
		}
	}
	for _, s := range services {
		if f := s.file; f.VHost == "" || f.Exchange == "" || f.Topic == "" {
			return nil, failure.New(failure.BadInput, "", "%s/service.yaml must give vhost, exchange and topic", s.name)
		}
	}
	return services, nil
}

func (s *service) read(files fs.FS, file string) error {
	data, err := fs.ReadFile(files, file)
	if err != nil {
		return fmt.Errorf("read the definitions: %w", err)
	}
	fail := func(err error) error {
		return failure.New(failure.BadInput, "package fixtures/notifications describes the files", "read %s: %w", file, err)
	}
	if path.Base(file) == "service.yaml" {
		if err := decodeYAML(data, &s.file); err != nil {
			return fail(err)
		}
		for key, value := range s.file.Words {
			s.words[key] = value
		}
		return nil
	}
	var f definitionFile
	if err := decodeYAML(data, &f); err != nil {
		return fail(err)
	}
	for key, value := range f.Words {
		s.words[key] = value
	}
	for name, part := range f.Parts {
		if s.defined(name) {
			return fail(fmt.Errorf("%q is defined twice", name))
		}
		s.parts[name] = part
	}
	for name, object := range f.Objects {
		if s.defined(name) {
			return fail(fmt.Errorf("%q is defined twice", name))
		}
		s.objects[name] = object
	}
	for _, event := range f.Events {
		if event.Quality == "" {
			event.Quality = f.Quality
		}
		if event.Source == "" {
			event.Source = f.Source
		}
		s.rows = append(s.rows, row{event, file})
	}
	return nil
}

func (s *service) defined(name string) bool {
	_, part := s.parts[name]
	_, object := s.objects[name]
	return part || object
}

// templates makes the templates of all rows.
func (s *service) templates() ([]*Template, error) {
	var all []*Template
	for _, row := range s.rows {
		combinations, err := row.Each.combinations()
		if err != nil {
			return nil, failure.New(failure.BadInput, "", "read %s: %s: %w", row.file, row.Type, err)
		}
		for _, parameters := range combinations {
			template, err := s.template(row, parameters)
			if err != nil {
				return nil, failure.New(failure.BadInput, "package fixtures/notifications describes the files", "read %s: %s: %w", row.file, row.Type, err)
			}
			all = append(all, template)
		}
	}
	return all, nil
}

func (s *service) template(row row, parameters map[string]any) (*Template, error) {
	e := expansion{service: s, parameters: parameters}
	t := &Template{Service: s.name, VHost: s.file.VHost, Exchange: s.file.Exchange}
	variant, publisher, context, quality := "", "", "", ""
	for _, field := range []struct {
		to   *string
		from string
	}{
		{&t.eventType, row.Type}, {&variant, row.Variant}, {&t.Description, row.Says}, {&t.Topic, row.Topic}, {&t.priority, row.Priority},
		{&publisher, row.Publisher}, {&context, row.Context}, {&t.Source, row.Source}, {&quality, row.Quality},
	} {
		var err error
		if *field.to, err = e.text(field.from); err != nil {
			return nil, err
		}
	}
	t.Name = s.name + "/" + t.eventType
	if variant != "" {
		t.Name += "@" + variant
	}
	if t.Topic == "" {
		t.Topic = s.file.Topic
	}
	if t.priority == "" {
		t.priority = s.priority(t.eventType)
	}
	var ok bool
	if t.publisherID, ok = s.file.Publishers[publisher]; !ok {
		return nil, fmt.Errorf("no publisher %q in service.yaml", publisher)
	}
	if t.publisherID, ok = e.mustText(t.publisherID); !ok {
		return nil, fmt.Errorf("publisher %q needs a parameter that there is not", publisher)
	}
	if _, ok := s.file.Contexts[context]; !ok && context != "" {
		return nil, fmt.Errorf("no context %q in service.yaml", context)
	}
	if t.Quality = Quality(quality); t.Quality != Exact && t.Quality != BestEffort {
		return nil, fmt.Errorf("quality must be %q or %q, is %q", Exact, BestEffort, t.Quality)
	}
	if t.Source == "" {
		return nil, errors.New("no source")
	}
	if row.Payload == nil {
		return nil, errors.New("no payload")
	}
	t.expand = func() (payload, contextFields map[string]any, err error) { return e.notification(row, context) }
	return t, nil
}

// priority is decided by the last part of an event type: most services send what ends in .error at level ERROR.
func (s *service) priority(eventType string) string {
	if priority, ok := s.file.Priorities[eventType[strings.LastIndexByte(eventType, '.')+1:]]; ok {
		return priority
	}
	return "INFO"
}

// decodeYAML reads one YAML document into a struct by its JSON names; unknown fields are errors, numbers keep their digits.
func decodeYAML(data []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var node yaml.Node
	if err := decoder.Decode(&node); err != nil {
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	value, err := new(plainer).value(&node)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(encoded))
	strict.UseNumber()
	strict.DisallowUnknownFields()
	return strict.Decode(into)
}

// plainer turns YAML nodes into JSON's values, as decode does for JSON. An alias may stand for what contains it, or for
// very much: both end.
type plainer struct{ depth, nodes int }

func (p *plainer) value(node *yaml.Node) (any, error) {
	if p.nodes++; p.nodes > 1_000_000 || p.depth > 100 {
		return nil, fmt.Errorf("line %d: this nests too deep or repeats too much; does an alias contain itself?", node.Line)
	}
	p.depth++
	defer func() { p.depth-- }()
	switch node.Kind {
	case yaml.DocumentNode:
		return p.value(node.Content[0])
	case yaml.AliasNode:
		return p.value(node.Alias)
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, child := range node.Content {
			var err error
			if list[i], err = p.value(child); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		object := make(map[string]any, len(node.Content)/2)
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind != yaml.ScalarNode || has(object, key.Value) {
				return nil, fmt.Errorf("line %d: a key must be a name, and be there once", key.Line)
			}
			value, err := p.value(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[key.Value] = value
		}
		return object, nil
	default:
		return scalar(node)
	}
}

func scalar(node *yaml.Node) (any, error) {
	switch node.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var value bool
		err := node.Decode(&value)
		return value, err
	case "!!int", "!!float":
		if value, err := decode([]byte(node.Value)); err == nil {
			return value, nil
		}
		return nil, fmt.Errorf("line %d: %s is no number of JSON; quote it if it is text", node.Line, node.Value)
	case "!!str":
		return node.Value, nil
	default:
		return nil, fmt.Errorf("line %d: %s is %s; quote it if it is text", node.Line, node.Value, node.ShortTag())
	}
}
