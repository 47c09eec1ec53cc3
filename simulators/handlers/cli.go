package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// cliCommand is one command of the openstack client: the requests are those of python-openstackclient 6.0 with
// python-ironicclient 5.0, recorded from them.
type cliCommand struct {
	words   string // "baremetal node show"
	flags   []string
	options []option
	names   []string // of the positional arguments
	run     func(ctx context.Context, c *cli) error
}

// cli is one run of a command.
type cli struct {
	Surroundings
	cloud  *cloud
	words  string
	values map[string]string
	flags  map[string]bool
}

// cliError ends a command with status 1 and a text.
type cliError struct{ text string }

func (e *cliError) Error() string { return e.text }

// errColumns is a column that the answer has not.
func errColumns(asked, known []string) error {
	quoted := func(names []string) string {
		var all []string
		for _, name := range names {
			all = append(all, "'"+name+"'")
		}
		return strings.Join(all, ", ")
	}
	return &cliError{fmt.Sprintf("No recognized column names in [%s]. Recognized columns are (%s).", quoted(asked), quoted(known))}
}

// openstackCLI is `openstack`, as far as UnderStack's templates and Jobs use it.
func openstackCLI(ctx context.Context, s Surroundings, arguments []string) int {
	name := s.Getenv("OS_CLOUD")
	for len(arguments) > 0 && strings.HasPrefix(arguments[0], "--") {
		if value, ok := strings.CutPrefix(arguments[0], "--os-cloud="); ok {
			name, arguments = value, arguments[1:]
			continue
		}
		if arguments[0] != "--os-cloud" || len(arguments) == 1 {
			fmt.Fprintf(s.Stderr, "openstack: error: unrecognized arguments: %s\n", arguments[0])
			return 2
		}
		name, arguments = arguments[1], arguments[2:]
	}
	for _, command := range cliCommands() {
		words := strings.Fields(command.words)
		if len(arguments) < len(words) || !slices.Equal(arguments[:len(words)], words) {
			continue
		}
		return command.start(ctx, s, name, arguments[len(words):])
	}
	fmt.Fprintf(s.Stderr, "openstack: '%s' is not an openstack command. See 'openstack --help'.\n", strings.Join(arguments, " "))
	return 2
}

func (command cliCommand) start(ctx context.Context, s Surroundings, name string, arguments []string) int {
	c := &cli{Surroundings: s, words: command.words, flags: map[string]bool{}}
	p := parser{program: "openstack " + command.words, options: append([]option{
		{name: "-f", metavar: "{json,shell,table,value,yaml}", check: oneOf("choice", []string{"json", "table", "value"})},
		{name: "-c", metavar: "COLUMN"},
	}, command.options...)}
	var plain, columns []string
	for i := 0; i < len(arguments); i++ {
		word := arguments[i]
		switch {
		case slices.Contains(command.flags, word):
			c.flags[word] = true
			// --wait takes a number of seconds, or none.
			if word == "--wait" && i+1 < len(arguments) && isInteger(arguments[i+1]) == nil {
				i++
			}
		case word == "-c" && i+1 < len(arguments): // may be given several times
			columns = append(columns, arguments[i+1])
			i++
		default:
			plain = append(plain, word)
		}
	}
	for _, one := range command.names {
		p.positionals = append(p.positionals, positional{name: one, shown: one, check: anything})
	}
	values, code, done := s.arguments(p, plain)
	if done {
		return code
	}
	c.values = values
	c.values["-c"] = strings.Join(columns, "\n")
	err := error(nil)
	if c.cloud, err = connect(s, name); err == nil {
		err = command.run(ctx, c)
	}
	if err != nil {
		fmt.Fprintln(s.Stderr, cliText(err))
		return 1
	}
	return 0
}

// cliText is what a user sees of an error.
func cliText(err error) string {
	var refused *cloudError
	if errors.As(err, &refused) && strings.Contains(refused.url, "/v1/") { // ironicclient's words
		return fmt.Sprintf("%s (HTTP %d)", refused.text, refused.status)
	}
	return err.Error()
}

// show prints an object's fields by name, as a table, as values or as JSON.
func (c *cli) show(fields object) error {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	if asked := c.values["-c"]; asked != "" {
		wanted := strings.Split(asked, "\n")
		known := names
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return !slices.ContainsFunc(wanted, func(one string) bool { return strings.EqualFold(one, name) })
		})
		if len(names) == 0 {
			return errColumns(wanted, known)
		}
	}
	switch c.values["-f"] {
	case "value":
		for _, name := range names {
			fmt.Fprintln(c.Stdout, pythonText(fields[name]))
		}
	case "json":
		kept := object{}
		for _, name := range names {
			kept[name] = fields[name]
		}
		return c.json(kept)
	default:
		width, wide := len("Field"), len("Value")
		for _, name := range names {
			width, wide = max(width, len(name)), max(wide, len(pythonText(fields[name])))
		}
		rule := "+-" + strings.Repeat("-", width) + "-+-" + strings.Repeat("-", wide) + "-+"
		fmt.Fprintf(c.Stdout, "%s\n| %-*s | %-*s |\n%s\n", rule, width, "Field", wide, "Value", rule)
		for _, name := range names {
			fmt.Fprintf(c.Stdout, "| %-*s | %-*s |\n", width, name, wide, pythonText(fields[name]))
		}
		fmt.Fprintln(c.Stdout, rule)
	}
	return nil
}

// list prints one column.
func (c *cli) list(column string, values []any) error {
	if asked := c.values["-c"]; asked != "" && !strings.EqualFold(asked, column) {
		return errColumns(strings.Split(asked, "\n"), []string{column})
	}
	switch c.values["-f"] {
	case "json":
		rows := []any{}
		for _, value := range values {
			rows = append(rows, object{column: value})
		}
		return c.json(rows)
	case "value":
		for _, value := range values {
			fmt.Fprintln(c.Stdout, pythonText(value))
		}
	default:
		width := len(column)
		for _, value := range values {
			width = max(width, len(pythonText(value)))
		}
		rule := "+-" + strings.Repeat("-", width) + "-+"
		fmt.Fprintf(c.Stdout, "%s\n| %-*s |\n%s\n", rule, width, column, rule)
		for _, value := range values {
			fmt.Fprintf(c.Stdout, "| %-*s |\n", width, pythonText(value))
		}
		fmt.Fprintln(c.Stdout, rule)
	}
	return nil
}
