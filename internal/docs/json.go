package docs

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

const module = "github.com/eventrig/eventrig/"

// source reads types out of this module's source, where their words stand.
type source struct {
	root     string
	packages map[string]map[string]definition // by folder, then by the type's name
}

// definition is a type with the imports of its file.
type definition struct {
	expression ast.Expr
	comment    string
	folder     string
	imports    map[string]string // name -> folder, of this module's packages
}

// table writes the fields of a document as a table, those of nested types with their path.
func (s *source) table(out *bytes.Buffer, document printed) error {
	found, err := s.find(document.folder, document.name)
	if err != nil {
		return err
	}
	shape := "an object"
	prefix := ""
	if document.list {
		shape, prefix = "a list of objects", "[]."
	}
	fmt.Fprintf(out, "\nJSON (%s), %s:\n\n| field | type | is |\n|---|---|---|\n", document.when, shape)
	return s.fields(out, prefix, found)
}

func (s *source) fields(out *bytes.Buffer, prefix string, of definition) error {
	object, ok := of.expression.(*ast.StructType)
	if !ok {
		return errors.New("it is not a struct")
	}
	for _, field := range object.Fields.List {
		if field.Tag == nil {
			if err := s.embedded(out, prefix, field, of); err != nil {
				return err
			}
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return fmt.Errorf("read tag %s: %w", field.Tag.Value, err)
		}
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		kind, nested, err := s.kind(field.Type, of)
		if err != nil {
			return err
		}
		words := text(field.Doc, field.Comment)
		if words == "" && nested != nil {
			words = nested.comment
		}
		if strings.Contains(options, "omitempty") {
			kind += ", optional"
		}
		fmt.Fprintf(out, "| `%s%s` | %s | %s |\n", prefix, name, kind, cell(words))
		if nested == nil {
			continue
		}
		path := prefix + name + "."
		switch {
		case strings.HasPrefix(kind, "list"):
			path = prefix + name + "[]."
		case strings.HasPrefix(kind, "map"):
			path = prefix + name + ".*."
		}
		if err := s.fields(out, path, *nested); err != nil {
			return err
		}
	}
	return nil
}

// embedded writes the fields of a struct that is embedded in another: JSON has them in that one.
func (s *source) embedded(out *bytes.Buffer, prefix string, field *ast.Field, of definition) error {
	if len(field.Names) > 0 {
		return nil
	}
	_, nested, err := s.kind(field.Type, of)
	if err != nil || nested == nil {
		return err
	}
	return s.fields(out, prefix, *nested)
}

// kind says a Go type as JSON's, and returns the struct behind it when there is one in this module.
func (s *source) kind(expression ast.Expr, of definition) (string, *definition, error) {
	switch e := expression.(type) {
	case *ast.StarExpr:
		return s.kind(e.X, of)
	case *ast.ArrayType:
		element, nested, err := s.kind(e.Elt, of)
		return "list of " + element, nested, err
	case *ast.MapType:
		element, nested, err := s.kind(e.Value, of)
		return "map of " + element, nested, err
	case *ast.Ident:
		if known := basic(e.Name); known != "" {
			return known, nil, nil
		}
		return s.named(of.folder, e.Name)
	case *ast.SelectorExpr:
		qualifier, ok := e.X.(*ast.Ident)
		if !ok {
			return "any", nil, nil
		}
		if folder, ours := of.imports[qualifier.Name]; ours {
			return s.named(folder, e.Sel.Name)
		}
		if qualifier.Name == "time" && e.Sel.Name == "Time" {
			return "time", nil, nil
		}
		if qualifier.Name == "time" && e.Sel.Name == "Duration" {
			return "number", nil, nil // in seconds, as all of ours
		}
	}
	return "any", nil, nil
}

func (s *source) named(folder, name string) (string, *definition, error) {
	found, err := s.find(folder, name)
	if err != nil {
		return "", nil, err
	}
	if _, object := found.expression.(*ast.StructType); object {
		return "object", &found, nil
	}
	return s.kind(found.expression, found)
}

func basic(name string) string {
	switch {
	case name == "string":
		return "string"
	case name == "bool":
		return "boolean"
	case name == "any":
		return "any"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "uint"), strings.HasPrefix(name, "float"):
		return "number"
	}
	return ""
}

func (s *source) find(folder, name string) (definition, error) {
	if s.packages[folder] == nil {
		types, err := parse(s.root, folder)
		if err != nil {
			return definition{}, err
		}
		if s.packages == nil {
			s.packages = map[string]map[string]definition{}
		}
		s.packages[folder] = types
	}
	found, ok := s.packages[folder][name]
	if !ok {
		return found, fmt.Errorf("package %s has no type %s", folder, name)
	}
	return found, nil
}

// parse reads all types of a package, also those inside functions.
func parse(root, folder string) (map[string]definition, error) {
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		return nil, fmt.Errorf("list package: %w", err)
	}
	types := map[string]definition{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, folder, entry.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read source: %w", err)
		}
		imports := map[string]string{}
		for _, one := range file.Imports {
			path, err := strconv.Unquote(one.Path.Value)
			if err != nil {
				return nil, fmt.Errorf("read import of %s: %w", entry.Name(), err)
			}
			if ours, ok := strings.CutPrefix(path, module); ok {
				imports[filepath.Base(ours)] = ours
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			declaration, ok := node.(*ast.GenDecl)
			if !ok || declaration.Tok != token.TYPE {
				return true
			}
			for _, spec := range declaration.Specs {
				named := spec.(*ast.TypeSpec) // a declaration of types holds nothing else
				comment := text(named.Doc, declaration.Doc)
				types[named.Name.Name] = definition{named.Type, strings.TrimPrefix(comment, named.Name.Name+" is "), folder, imports}
			}
			return true
		})
	}
	return types, nil
}

// text is the first comment that there is.
func text(comments ...*ast.CommentGroup) string {
	for _, comment := range comments {
		if comment != nil {
			return strings.TrimSpace(comment.Text())
		}
	}
	return ""
}
