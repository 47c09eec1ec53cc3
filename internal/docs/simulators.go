package docs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"text/template"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/simulators/undersync"
)

//go:embed simulators.md.tmpl
var simulatorsText string

// Simulators writes how simulators are run and administered: the words are a template, the tables come from the program.
func Simulators(root string) ([]byte, error) {
	s := &source{root: root}
	table := func(folder, name string) (string, error) {
		var b bytes.Buffer
		found, err := s.find(folder, name)
		if err == nil {
			b.WriteString("| field | type | is |\n|---|---|---|\n")
			err = s.fields(&b, "", found)
		}
		if err != nil {
			return "", fmt.Errorf("describe %s of %s: %w", name, folder, err)
		}
		return b.String(), nil
	}
	rule, err := table("simulators/internal/faults", "Rule")
	if err != nil {
		return nil, err
	}
	state, err := table("simulators/internal/faults", "State")
	if err != nil {
		return nil, err
	}
	entry, err := table("simulators/internal/journal", "Entry")
	if err != nil {
		return nil, err
	}
	endpoints, err := administration()
	if err != nil {
		return nil, err
	}
	limits := undersync.New(undersync.Config{}).Journal().Limits()
	page, err := template.New("simulators.md").Parse(simulatorsText)
	if err != nil {
		return nil, fmt.Errorf("read the template of simulators.md: %w", err)
	}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{
		"Endpoints": endpoints, "FaultFields": rule, "FaultState": state, "EntryFields": entry,
		"Worlds":  "`" + strings.Join(worlds.Names(), "`, `") + "`",
		"Entries": limits.Entries, "Megabytes": limits.Bytes >> 20, "Kilobytes": limits.Body >> 10,
	})
	if err != nil {
		return nil, fmt.Errorf("write simulators.md: %w", err)
	}
	return b.Bytes(), nil
}

// administration asks a simulator what there is under /_eventrig/; all have the same.
func administration() (string, error) {
	recorder, request := httptest.NewRecorder(), httptest.NewRequest("GET", "/_eventrig/", nil)
	request.RemoteAddr = "127.0.0.1:1" // it answers nobody else
	undersync.New(undersync.Config{}).ServeHTTP(recorder, request)
	var index struct {
		Endpoints []struct{ Method, Path, Does string }
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &index); err != nil {
		return "", fmt.Errorf("read the index of a simulator's administration: %w", err)
	}
	if len(index.Endpoints) == 0 {
		return "", fmt.Errorf("the index of a simulator's administration is empty: %d %s", recorder.Code, recorder.Body)
	}
	var b strings.Builder
	b.WriteString("| method | path | does |\n|---|---|---|\n")
	for _, one := range index.Endpoints {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", one.Method, one.Path, cell(one.Does))
	}
	b.WriteString("| GET | `/_eventrig/notifications` | OpenStack only: the notifications in order, whether they were published or not |\n")
	return b.String(), nil
}
