package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// parser is as much of Python's argparse as the commands use: its grammar, its messages, exit code 2.
type parser struct {
	program     string
	description string
	options     []option
	positionals []positional
}

type option struct {
	name     string // with dashes
	metavar  string
	help     string
	required bool
	free     bool // its value may begin with a dash; argparse takes such a value when it has a space in it
	check    func(string) error
}

type positional struct {
	name  string
	shown string // in the usage line
	check func(string) error
}

// errHelp asks for the help text and exit code 0.
var errHelp = errors.New("help")

func (p parser) usage() string {
	words := []string{"usage:", p.program, "[-h]"}
	for _, o := range p.options {
		if o.required {
			words = append(words, o.name+" "+o.metavar)
		} else {
			words = append(words, fmt.Sprintf("[%s %s]", o.name, o.metavar))
		}
	}
	for _, a := range p.positionals {
		words = append(words, a.shown)
	}
	return strings.Join(words, " ") + "\n"
}

func (p parser) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\npositional arguments:\n", p.usage(), p.description)
	for _, a := range p.positionals {
		fmt.Fprintf(&b, "  %s\n", a.shown)
	}
	b.WriteString("\noptions:\n  -h, --help            show this help message and exit\n")
	for _, o := range p.options {
		fmt.Fprintf(&b, "  %s %s\n                        %s\n", o.name, o.metavar, o.help)
	}
	return b.String()
}

// parse returns the values by option or positional name.
func (p parser) parse(arguments []string) (map[string]string, error) {
	values := map[string]string{}
	var plain []string
	for i := 0; i < len(arguments); i++ {
		word := arguments[i]
		switch {
		case word == "--":
			plain = append(plain, arguments[i+1:]...)
			i = len(arguments)
		case word == "-h" || word == "--help":
			return nil, errHelp
		case !strings.HasPrefix(word, "-") || word == "-":
			plain = append(plain, word)
		default:
			name, value, inline := strings.Cut(word, "=")
			o, err := p.option(name, word)
			if err != nil {
				return nil, err
			}
			if !inline {
				if i+1 >= len(arguments) || (strings.HasPrefix(arguments[i+1], "-") && !o.free) {
					return nil, fmt.Errorf("argument %s: expected one argument", o.name)
				}
				i++
				value = arguments[i]
			}
			if o.check != nil {
				if err := o.check(value); err != nil {
					return nil, fmt.Errorf("argument %s: %w", o.name, err)
				}
			}
			values[o.name] = value
		}
	}
	for i, a := range p.positionals {
		if i >= len(plain) {
			break
		}
		if err := a.check(plain[i]); err != nil {
			return nil, fmt.Errorf("argument %s: %w", a.name, err)
		}
		values[a.name] = plain[i]
	}
	var missing []string
	for _, o := range p.options {
		if _, given := values[o.name]; o.required && !given {
			missing = append(missing, o.name)
		}
	}
	if len(plain) < len(p.positionals) || len(missing) > 0 {
		for _, a := range p.positionals[min(len(plain), len(p.positionals)):] {
			missing = append(missing, a.name)
		}
		return nil, fmt.Errorf("the following arguments are required: %s", strings.Join(missing, ", "))
	}
	if extra := plain[len(p.positionals):]; len(extra) > 0 {
		return nil, fmt.Errorf("unrecognized arguments: %s", strings.Join(extra, " "))
	}
	return values, nil
}

// option finds an option by its name or an unambiguous beginning of it.
func (p parser) option(name, word string) (option, error) {
	var found []option
	for _, o := range p.options {
		if o.name == name {
			return o, nil
		}
		if strings.HasPrefix(name, "--") && strings.HasPrefix(o.name, name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return option{}, fmt.Errorf("unrecognized arguments: %s", word)
	default:
		var names []string
		for _, o := range found {
			names = append(names, o.name)
		}
		return option{}, fmt.Errorf("ambiguous option: %s could match %s", word, strings.Join(names, ", "))
	}
}

// pythonUUID reads what Python's uuid.UUID() reads: hexadecimal digits with dashes anywhere, in braces or as a URN.
func pythonUUID(text string) (uuid.UUID, error) {
	plain := strings.NewReplacer("urn:", "", "uuid:", "").Replace(text)
	plain = strings.ReplaceAll(strings.Trim(plain, "{}"), "-", "")
	id, err := uuid.Parse(plain)
	if len(plain) != 32 || err != nil {
		return uuid.UUID{}, fmt.Errorf("invalid UUID value: '%s'", text)
	}
	return id, nil
}

func isUUID(text string) error { _, err := pythonUUID(text); return err }

func oneOf(class string, choices []string) func(string) error {
	return func(text string) error {
		if !slices.Contains(choices, text) {
			return fmt.Errorf("invalid %s value: '%s'", class, text)
		}
		return nil
	}
}

func isURL(text string) error {
	if parsed, err := url.Parse(text); err != nil || parsed.Scheme == "" || parsed.Host == "" {
		//lint:ignore ST1005 argparse's words
		return fmt.Errorf("Invalid URL: '%s'", text)
	}
	return nil
}

func hexOf(id uuid.UUID) string { return strings.ReplaceAll(id.String(), "-", "") }
