// Package explain holds `eventrig explain`: what every Sensor does with an event, and why, without a cluster.
//
// In: manifests and recorded events, in every form that internal/message reads. Out: text for people or JSON for programs;
// exit status 1 only where --expect is not met.
package explain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/cli/corpusflags"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

// flags is what the command line says.
type flags struct {
	manifests, events []string
	reading           pipeline.Options
	taken             corpusflags.Reading
	all               bool
	diff              string
	sensor            string
	expect            []string
	output            string

	only *regexp.Regexp
}

const examples = `  # what do UnderStack's Sensors do with this message, and why do the others not fire
  eventrig explain --event message.json

  # my manifests, a message as the queue gave it, one Sensor in full
  rabbitmqadmin get queue=argo_notifications --format=raw_json | eventrig explain --manifests deploy/ --event - --sensor nova

  # why does this one fire and that one not
  eventrig explain --event fires.json --diff silent.json

  # in CI: these messages must start this Sensor, and must not start that one
  eventrig explain --manifests deploy/ --event corpus.jsonl --expect keystone-event-project=fires --expect nova-oslo-event=silent

  # for programs: the Sensors that fire
  eventrig explain --event message.json -o json | jq -r '.[] | select(.verdict == "fires") | .sensor'`

// New makes the command.
func New() *cobra.Command { return new(flags).command() }

func (f *flags) command() *cobra.Command {
	command := &cobra.Command{
		Use:   "explain --event FILE",
		Short: "Say what each Sensor does with an event, and why, without a cluster",
		Long: `Say for each Sensor whether an event fires it, or which step said no: its dependency, the EventSource, the transform,
a filter, the conditions, a parameter; with the value seen, the values wanted, and what the comparison really means. For
one that fires: each parameter, and the object that it would create.

What decides is argo-events' own code, as its Sensors run it. A message is taken as it is: without oslo's envelope the
transform fails here as it does there (--wrap adds the envelope).

Events are read in every form in which people have them: as they lay in the queue, as RabbitMQ's management shows them, as
an EventSource passed them on, as CloudEvents, a webhook's body; one, a list, or JSON Lines. Where an event comes from is
told by --source, else by exchange and routing key, else by publisher_id and event_type; where nothing tells, every
EventSource is tried. Several events are taken as one Sensor gets them: one after the other.

Sensors that fire, or nearly did, are shown in full, the others in a line each.`,
		Example: examples,
		Args:    cobra.NoArgs,
	}
	options := command.Flags()
	options.StringArrayVarP(&f.manifests, "manifests", "m", nil, "`PATH` of manifests: a file, a folder, a kustomization, a chart (repeatable; default: UnderStack's, which are built in)")
	options.StringArrayVarP(&f.events, "event", "e", nil, "`FILE` of events; - is standard input (repeatable)")
	options.BoolVar(&f.all, "all", false, "show every Sensor in full")
	options.StringVar(&f.diff, "diff", "", "`FILE` of another event: what differs, and which difference decides")
	options.StringVar(&f.sensor, "sensor", "", "show only Sensors whose NAMESPACE/NAME matches this `REGEXP`, in full")
	options.StringArrayVar(&f.expect, "expect", nil, "`SENSOR=fires|silent`: exit status 1 where it is not so (repeatable)")
	f.taken.Add(command)
	f.reading.Flags(options)
	_ = command.MarkFlagDirname("manifests")
	check := lifecycle.Output(command, &f.output)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := check(); err != nil {
			return err
		}
		return f.run(command)
	}
	return command
}

func (f *flags) run(command *cobra.Command) error {
	if len(f.events) == 0 {
		return failure.New(failure.BadInput, "give a file with the message, or - for standard input: --event FILE", "there is no event to explain")
	}
	if f.sensor != "" {
		only, err := regexp.Compile(f.sensor)
		if err != nil {
			return failure.New(failure.BadInput, "see https://pkg.go.dev/regexp/syntax", "--sensor %q is no regular expression: %w", f.sensor, err)
		}
		f.only = only
	}
	graph, err := f.graph(command.Context())
	if err != nil {
		return err
	}
	return f.explain(command, graph)
}

// explain says what the Sensors of the graph do with the events.
func (f *flags) explain(command *cobra.Command, graph *pipeline.Graph) error {
	options, err := f.taken.Options()
	if err != nil {
		return err
	}
	evaluator, err := evaluate.New(graph, options)
	if err != nil {
		return err
	}
	expected, err := expectations(graph, f.expect)
	if err != nil {
		return err
	}
	if f.only != nil && !slices.ContainsFunc(graph.Sensors(), func(s pipeline.Sensor) bool { return f.only.MatchString(name(s)) }) {
		return failure.New(failure.BadInput, "there are: "+strings.Join(sensorNames(graph), ", "), "--sensor %q matches no Sensor", f.sensor)
	}
	others, err := f.compare(evaluator, command.InOrStdin())
	if err != nil {
		return err
	}
	events, err := f.read(f.events, command.InOrStdin())
	if err != nil {
		return err
	}
	for _, problem := range graph.DecodeProblems() {
		command.PrintErrf("%s\n", problem)
	}
	show := &printer{flags: f, out: command.OutOrStdout(), others: others}
	var defects error
	sequence := evaluator.Sequence()
	explain := func(batch []message.Event) error {
		results := sequence.Run(batch)
		expected.see(results)
		defects = errors.Join(defects, defectsOf(results))
		return show.results(results)
	}
	if err := inBatches(events, explain); err != nil {
		return errors.Join(err, show.cut())
	}
	if err := show.end(); err != nil {
		return err
	}
	if defects != nil {
		return defects
	}
	return expected.check()
}

// A batch is what is evaluated at once, so that a recording may be of any size.
const (
	batchEvents = 256
	batchBytes  = 8 << 20
)

// inBatches hands events on a batch at a time, and ends at the first that cannot be read.
func inBatches(events iter.Seq2[message.Event, error], work func([]message.Event) error) error {
	var batch []message.Event
	size := 0
	for event, err := range events {
		if err != nil {
			return err
		}
		batch, size = append(batch, event), size+len(event.Raw)
		if len(batch) >= batchEvents || size >= batchBytes {
			if err := work(batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
	}
	return work(batch)
}

// defectsOf are reasons that do not fit the verdicts.
func defectsOf(results []evaluate.Result) error {
	for _, result := range results {
		for i := range result.Outcomes {
			if doubt := result.Outcomes[i].Doubt; doubt != "" {
				return fmt.Errorf("explain %s at %s: the reasons do not fit the verdict, which is a defect of eventrig: %s",
					result.Event.Place(), result.Outcomes[i].Name(), doubt)
			}
		}
	}
	return nil
}

// graph reads the manifests.
func (f *flags) graph(ctx context.Context) (*pipeline.Graph, error) {
	var graph *pipeline.Graph
	var err error
	if len(f.manifests) == 0 {
		graph, err = pipeline.LoadFS(manifests.FS, "understack")
	} else {
		graph, err = pipeline.LoadWith(ctx, f.reading, f.manifests...)
	}
	if err != nil {
		return nil, err
	}
	if len(graph.Sensors()) == 0 {
		problems := graph.DecodeProblems()
		if len(problems) > 0 {
			return nil, failure.New(failure.BadInput, problems[0].Hint, "%w", problems[0])
		}
		return nil, failure.New(failure.BadInput, "give the folder that has them with --manifests", "there is no Sensor in %s", strings.Join(f.manifests, ", "))
	}
	return graph, nil
}

func (f *flags) read(files []string, stdin io.Reader) (iter.Seq2[message.Event, error], error) {
	form, err := message.ParseForm(f.taken.Form())
	if err != nil {
		return nil, err
	}
	return message.Files(files, stdin, message.Options{As: form}), nil
}

func name(s pipeline.Sensor) string { return s.GetNamespace() + "/" + s.GetName() }

func sensorNames(graph *pipeline.Graph) []string {
	var names []string
	for _, s := range graph.Sensors() {
		names = append(names, name(s))
	}
	return names
}

// shown says whether a Sensor is to be shown at all.
func (f *flags) shown(o *evaluate.Outcome) bool { return f.only == nil || f.only.MatchString(o.Name()) }
