package publish

import (
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// item is what the JSON output of --list says of a notification.
type item struct {
	Name        string `json:"name"` // SERVICE/EVENT_TYPE, what publish takes
	Service     string `json:"service"`
	Description string `json:"description"`
	Quality     string `json:"quality"` // exact or best effort, see docs/coverage-notifications.md
	Source      string `json:"source"`  // what the payload's shape is known from
	VHost       string `json:"vhost"`
	Exchange    string `json:"exchange"`
	Topic       string `json:"topic"` // the routing key is TOPIC.PRIORITY
}

// list prints the notifications that the filter, where there is one, leaves.
func list(out io.Writer, catalogue *oslo.Catalogue, filter []string, output string) error {
	items := []item{}
	for _, name := range catalogue.Names() {
		if len(filter) > 0 && !matches(name, filter[0]) {
			continue
		}
		t, err := catalogue.Lookup(name)
		if err != nil {
			return err
		}
		items = append(items, item{name, t.Service, t.Description, string(t.Quality), t.Source, t.VHost, t.Exchange, t.Topic})
	}
	switch {
	case len(items) == 0:
		return failure.New(failure.BadInput, "a filter is a part of a name, or a pattern such as 'ironic/*.error'",
			"no notification fits %q; nearest: %s", filter[0], strings.Join(nearest.Names(filter[0], catalogue.Names(), 3), ", "))
	case output == "json":
		return printJSON(out, items)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, it := range items {
		if i == 0 || items[i-1].Service != it.Service {
			heading(table, items, it, i > 0)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", it.Name, it.Quality, it.Description) // Flush returns what goes wrong
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// heading says what the notifications of a service have in common. A line without a tab does not widen the columns.
func heading(out io.Writer, items []item, first item, apart bool) {
	count := 0
	for _, it := range items {
		if it.Service == first.Service {
			count++
		}
	}
	if apart {
		_, _ = fmt.Fprintln(out)
	}
	_, _ = fmt.Fprintf(out, "# %s: %d, vhost %s, exchange %s\n", first.Service, count, first.VHost, first.Exchange)
}

// matches says whether a name fits a filter: a pattern with *, ? or [] is for the whole name or the whole event type,
// anything else may be anywhere in the name.
func matches(name, filter string) bool {
	if !strings.ContainsAny(filter, "*?[") {
		return strings.Contains(strings.ToLower(name), strings.ToLower(filter))
	}
	_, eventType, _ := strings.Cut(name, "/")
	for _, whole := range []string{name, eventType} {
		if ok, err := path.Match(filter, whole); ok && err == nil {
			return true
		}
	}
	return false
}
