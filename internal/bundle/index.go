package bundle

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/eventrig/eventrig/internal/report"
)

// contents are what a bundle may hold.
var contents = []place{
	{Verdict, "the verdict, as `eventrig test -o json` prints it"},
	{Page, "the same as a page, with each notification's way hop by hop"},
	{Reproduce, "runs it again"},
	{"RIG/ledger.jsonl", "every hop of every notification: what was published, routed, received, decided, triggered, run, asked and changed"},
	{"RIG/pods", "the logs of all pods, those that are gone included: NAMESPACE/POD/CONTAINER.RESTART.log"},
	{"RIG/events.txt", "the cluster's Events, in order"},
	{"RIG/objects", "what the API server held at the end: NAMESPACE/RESOURCE.yaml; of Secrets only how much there was"},
	{"RIG/journals", "what the simulators were asked and what they answered: a file for each scenario, and rig.jsonl for whoever else asked"},
	{"RIG/audit.jsonl", "the API server's audit log: who made, changed and was refused what"},
	{"RIG/rabbitmq/report.txt", "RabbitMQ's state: queues, bindings, connections, consumers"},
	{"RIG/rabbitmq/rabbitmq.log", "RabbitMQ's log"},
	{"RIG/logs", "the logs of the cluster's own components"},
	{"offline/ledger.jsonl", "what the Sensors made of each event, by evaluation"},
}

// index is what a reader opens first.
func (b Bundle) index(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s: %s\n\n", b.Run.Verdict, b.Run.Summary())
	fmt.Fprintf(&out, "Again, with the same seed: `sh %s`\n\n    %s\n", Reproduce, b.Command)
	for _, s := range b.Run.Scenarios {
		if !s.Failed() {
			continue
		}
		fmt.Fprintf(&out, "\n## %s\n\n", s.Name)
		out.WriteString(block(s.String()))
		seen := map[string]bool{}
		for _, f := range s.Failures {
			for _, p := range b.lookFirst(s, f) {
				if seen[p.path] {
					continue
				}
				if len(seen) == 0 {
					out.WriteString("\nLook first at:\n\n")
				}
				seen[p.path] = true
				fmt.Fprintf(&out, "- [%s](%s): %s\n", p.path, p.path, p.says)
			}
		}
		if timeline := report.Timeline(s); timeline != "" {
			out.WriteString("\nWhat became of its notifications, in seconds since the first record:\n\n" + block(timeline))
		}
	}
	out.WriteString("\n## What is here\n\n| file | holds |\n|---|---|\n")
	for _, one := range contents {
		path := one.path
		if inside, is := strings.CutPrefix(path, "RIG/"); is {
			if b.Rig == "" {
				continue
			}
			path = b.Rig + "/" + inside
		}
		if _, err := os.Stat(filepath.Join(b.Folder, filepath.FromSlash(path))); err != nil {
			continue
		}
		fmt.Fprintf(&out, "| [%s](%s) | %s |\n", path, path, one.says)
	}
	section(&out, "Warnings", b.Run.Warnings)
	section(&out, "Notes", b.Run.Notes)
	_, err := io.WriteString(w, out.String())
	return err
}

func section(out *strings.Builder, title string, list []string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(out, "\n## %s\n\n", title)
	for _, text := range list {
		fmt.Fprintf(out, "- %s\n", text)
	}
}

// block is a text as Markdown shows it as it is.
func block(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("    " + line)
	}
	return out.String()
}
