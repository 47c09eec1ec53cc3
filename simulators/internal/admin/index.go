package admin

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// contents is the index.
type contents struct {
	Simulator string          `json:"simulator"`
	Journal   journal.Summary `json:"journal"`
	Faults    int             `json:"faults"` // rules, exhausted ones included
	Endpoints []operation     `json:"endpoints"`
}

type operation struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Does   string `json:"does"`
}

var page = template.Must(template.New("index").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>eventrig: {{.Simulator}}</title></head><body>
<h1>Simulated {{.Simulator}}</h1>
<p>Journal: {{.Journal.Kept}} requests kept, {{.Journal.Dropped}} dropped, {{.Journal.Open}} open. Faults: {{.Faults}}.</p>
<table>
{{range .Endpoints}}<tr><td>{{.Method}}</td><td>{{if eq .Method "GET"}}<a href="{{.Path}}">{{.Path}}</a>{{else}}{{.Path}}{{end}}</td><td>{{.Does}}</td></tr>
{{end}}</table>
</body></html>
`))

func (h *handler) index(w http.ResponseWriter, r *http.Request) error {
	shown := contents{Simulator: h.name, Journal: h.simulator.Journal().Summary(), Faults: len(h.simulator.Faults().States())}
	for _, one := range h.endpoints {
		for _, name := range one.allowed() {
			shown.Endpoints = append(shown.Endpoints, operation{name, Prefix + one.path, one.methods[name].does})
		}
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		answer(w, http.StatusOK, shown)
		return nil
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, shown) // only the client's going away can fail it
	return nil
}
