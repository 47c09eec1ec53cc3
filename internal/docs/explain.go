package docs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"

	"github.com/eventrig/eventrig/internal/cli"
)

//go:embed explain.md.tmpl
var explainText string

// Explain writes how `eventrig explain` is used: the words are a template, the outputs are what the program prints.
func Explain() ([]byte, error) {
	page, err := template.New("explain.md").Funcs(template.FuncMap{
		// notification is a message as its service sends it.
		"notification": func(text string) (string, error) {
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(text)); err != nil {
				return "", fmt.Errorf("read the notification: %w", err)
			}
			body, err := json.Marshal(map[string]string{"oslo.version": "2.0", "oslo.message": compact.String()})
			return string(body), err
		},
		// run prints what the command says to a message on its standard input.
		"run": func(body string, arguments ...string) (string, error) {
			command := cli.New()
			var out bytes.Buffer
			command.SetIn(strings.NewReader(body))
			command.SetOut(&out)
			command.SetArgs(append([]string{"explain", "--event", "-"}, arguments...))
			if err := command.Execute(); err != nil {
				return "", fmt.Errorf("run eventrig explain %s: %w", strings.Join(arguments, " "), err)
			}
			return strings.TrimRight(out.String(), "\n"), nil
		},
	}).Parse(explainText)
	if err != nil {
		return nil, fmt.Errorf("read the template of explain.md: %w", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, nil); err != nil {
		return nil, fmt.Errorf("write explain.md: %w", err)
	}
	return b.Bytes(), nil
}
