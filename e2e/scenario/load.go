package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/internal/failure"
)

// DefaultTimeout bounds a scenario that sets none.
const DefaultTimeout = 60 * time.Second

var nameRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// Load reads scenarios from files and, recursively, from folders. Every mistake of every document is reported at once,
// each with file and line.
func Load(paths ...string) ([]Scenario, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, failure.New(failure.BadInput, "give a scenario file or a folder of them", "read scenarios: %w", err)
		}
		if !info.IsDir() {
			files = append(files, p)
			continue
		}
		err = filepath.WalkDir(p, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && isYAML(name) {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			return nil, failure.New(failure.BadInput, "", "read scenarios: %w", err)
		}
	}
	beside := func(file, name string) string {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		// A joined rig runs in another folder.
		if whole, err := filepath.Abs(name); err == nil {
			return whole
		}
		return name
	}
	return loadAll(files, os.ReadFile, beside)
}

// LoadFS reads every scenario of a file system, such as the embedded fixtures.
func LoadFS(fsys fs.FS) ([]Scenario, error) {
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && isYAML(name) {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		return nil, failure.New(failure.BadInput, "", "read scenarios: %w", err)
	}
	read := func(name string) ([]byte, error) { return fs.ReadFile(fsys, name) }
	beside := func(file, name string) string { return path.Join(path.Dir(file), name) }
	return loadAll(files, read, beside)
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func loadAll(files []string, read func(string) ([]byte, error), beside func(file, name string) string) ([]Scenario, error) {
	sort.Strings(files)
	var all []Scenario
	var mistakes []error
	first := map[string]Scenario{}
	for _, file := range files {
		data, err := read(file)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", file, err))
			continue
		}
		scenarios, err := Parse(file, data)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		for _, s := range scenarios {
			if other, ok := first[s.Metadata.Name]; ok {
				mistakes = append(mistakes, fmt.Errorf("%s:%d: the name %q is taken by %s:%d", s.File, s.Line, s.Metadata.Name, other.File, other.Line))
				continue
			}
			first[s.Metadata.Name] = s
			if err := readObjects(&s, read, beside); err != nil {
				mistakes = append(mistakes, err)
				continue
			}
			all = append(all, s)
		}
	}
	if len(mistakes) > 0 {
		return nil, failure.New(failure.BadInput, "correct the scenario; its fields are described by the JSON Schema", "%w", errors.Join(mistakes...))
	}
	return all, nil
}

// Parse reads the documents of one file without the files that they refer to. The scenarios without a mistake are
// returned beside the error.
func Parse(file string, data []byte) ([]Scenario, error) {
	var scenarios []Scenario
	var mistakes []error
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// After a syntax error the decoder has no place to go on from.
			mistakes = append(mistakes, fmt.Errorf("%s: %w", located(file, err), withoutPlace(err)))
			break
		}
		if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
			continue
		}
		root := document.Content[0]
		s, errs := parseDocument(file, root)
		if len(errs) > 0 {
			mistakes = append(mistakes, errs...)
			continue
		}
		scenarios = append(scenarios, s)
	}
	return scenarios, errors.Join(mistakes...)
}

func parseDocument(file string, root *yaml.Node) (Scenario, []error) {
	s := Scenario{File: file, Line: root.Line}
	c := checker{file: file}
	c.check(root, typeOf[Scenario](), "")
	if len(c.mistakes) == 0 {
		if err := root.Decode(&s); err != nil {
			var typeError *yaml.TypeError
			if errors.As(err, &typeError) {
				for _, text := range typeError.Errors {
					err := errors.New(text)
					c.mistakes = append(c.mistakes, fmt.Errorf("%s: %w", located(file, err), withoutPlace(err)))
				}
			} else {
				c.mistakes = append(c.mistakes, fmt.Errorf("%s: %w", located(file, err), withoutPlace(err)))
			}
		}
	}
	if len(c.mistakes) > 0 {
		return s, c.mistakes
	}
	setLines(root, &s)
	Normalize(&s)
	c.rules(&s)
	c.variables(root, s.Spec.Vars)
	return s, c.mistakes
}

// readObjects fills in the manifests that a scenario refers to by file.
func readObjects(s *Scenario, read func(string) ([]byte, error), beside func(file, name string) string) error {
	load := func(name string, line int) ([]map[string]any, error) {
		file := beside(s.File, name)
		data, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: read the manifest: %w", s.File, line, err)
		}
		var objects []map[string]any
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		for {
			var object map[string]any
			err := decoder.Decode(&object)
			if errors.Is(err, io.EOF) {
				normalizeAll(objects)
				return objects, nil
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", located(file, err), withoutPlace(err))
			}
			if len(object) > 0 {
				objects = append(objects, object)
			}
		}
	}
	for i, name := range s.Spec.Given.Worlds {
		if strings.Contains(name, "/") || isYAML(name) {
			s.Spec.Given.Worlds[i] = beside(s.File, name)
		}
	}
	for i := range s.Spec.When {
		step := &s.Spec.When[i]
		if step.Replay == nil || step.Replay.File == "" {
			continue
		}
		file := beside(s.File, step.Replay.File)
		data, err := read(file)
		if err != nil {
			return fmt.Errorf("%s:%d: read the recording: %w", s.File, step.Line, err)
		}
		if step.Replay.Messages, err = ReadRecorded(file, data); err != nil {
			return fmt.Errorf("%s:%d: read the recording: %w", s.File, step.Line, err)
		}
	}
	for _, name := range s.Spec.Given.Manifests {
		objects, err := load(name, s.Line)
		if err != nil {
			return err
		}
		s.Spec.Given.Objects = append(s.Spec.Given.Objects, objects...)
	}
	for i := range s.Spec.When {
		step := &s.Spec.When[i]
		for _, o := range []*Objects{step.Apply, step.Delete} {
			if o == nil || o.File == "" {
				continue
			}
			objects, err := load(o.File, step.Line)
			if err != nil {
				return err
			}
			o.Objects = append(o.Objects, objects...)
		}
	}
	return nil
}

var yamlPlace = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s+)?line (\d+): `)

// located returns file:line for an error of the YAML library, which writes its place as "line N: ". Its parser counts
// from 0 where its scanner and decoder count from 1; the parser's messages all begin alike.
func located(file string, err error) string {
	m := yamlPlace.FindStringSubmatch(err.Error())
	if m == nil {
		return file
	}
	line, _ := strconv.Atoi(m[1])
	if strings.Contains(err.Error(), ": did not find expected ") {
		line++
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func withoutPlace(err error) error {
	text := yamlPlace.ReplaceAllString(err.Error(), "")
	return errors.New(strings.TrimPrefix(text, "yaml: "))
}

// Normalize turns the numbers and times in a scenario, as they were decoded from YAML or JSON, into those that Kubernetes'
// objects and JSON hold, so that it means the same whichever way it came.
func Normalize(s *Scenario) { normalizeIn(reflect.ValueOf(s)) }

var freeType = typeOf[map[string]any]()

// normalizeIn normalizes every free-form value below v in place.
func normalizeIn(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			normalizeIn(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(reflect.ValueOf(normalize(v.Interface())))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			normalizeIn(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // a message's body
		}
		for i := range v.Len() {
			normalizeIn(v.Index(i))
		}
	case reflect.Map:
		if v.Type() == freeType {
			normalize(v.Interface())
		}
	}
}

// normalizeAll turns what the YAML library decodes into what JSON and Kubernetes' unstructured objects hold.
func normalizeAll(objects []map[string]any) {
	for i, o := range objects {
		objects[i], _ = normalize(o).(map[string]any)
	}
}

func normalize(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = normalize(e)
		}
		return v
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[fmt.Sprint(k)] = normalize(e)
		}
		return out
	case []any:
		for i, e := range v {
			v[i] = normalize(e)
		}
		return v
	case int:
		return int64(v)
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		number, _ := v.Float64() // JSON's own numbers are ones
		return number
	case uint64:
		return float64(v)
	case time.Time:
		return v.Format(time.RFC3339)
	default:
		return v
	}
}
