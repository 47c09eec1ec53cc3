// Package publish is the command `eventrig publish`: it makes synthetic notifications, or takes a captured one, and sends
// them to a rig's RabbitMQ, or any other, exactly as an OpenStack service would.
//
// In: an event name of the catalogue or a file, edits by path. Out: on stdout what was sent, or with --dry-run what would be.
package publish

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// Locate finds the broker of a rig by the rig's name; an empty name is the only rig that is up. The result gives the AMQP
// URL of a virtual host.
type Locate func(rig string) (amqpURLForVHost func(vhost string) string, err error)

// flags is what the command line says.
type flags struct {
	set, remove       []string
	file              string
	list, dryRun      bool
	amqp, rig, driver string
	count             int
	rate              float64
	seed              uint64
	time, output      string
}

const examples = `  # a project was created, as keystone says it
  eventrig publish keystone/identity.project.created --set payload.target.id=148f2f86b96440a1ba0934f837b2c77b

  # a node failed cleaning; \. is a dot within a name, quoted so that the shell leaves it alone
  eventrig publish ironic/baremetal.node.power_set.end --set 'payload.ironic_object\.data.provision_state=clean failed'

  # what would be sent, as a file for eventrig explain
  eventrig publish nova/compute.instance.delete.end --set payload.metadata.storage=wanted --dry-run >event.json

  # a message from production as it is, and 100 of another kind, 20 each second, to some RabbitMQ
  eventrig publish --file captured.json
  eventrig publish neutron/network.create.end --count 100 --rate 20 --amqp amqp://user:secret@rabbitmq.example.net:5672

  # the same seed means the same node: its port, and what nova says of it, carry its uuid
  eventrig publish ironic/baremetal.node.create.end --seed 7
  eventrig publish ironic/baremetal.port.create.end --seed 7

  # all that can be sent, what keystone can say, what has to do with nodes, every failure of ironic
  eventrig publish --list
  eventrig publish --list keystone
  eventrig publish --list baremetal.node
  eventrig publish --list 'ironic/*.error'`

// New makes the command; locate may be nil where no rig can be found, and --amqp is needed then.
func New(locate Locate) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "publish SERVICE/EVENT_TYPE",
		Short: "Send a synthetic OpenStack notification",
		Long: `Send a notification as an OpenStack service would: oslo.messaging's envelope, exchange, routing key and default queue,
and wait until the broker has confirmed it.

Paths of --set and --remove are the notification's: payload.target.id, priority, _context_project_id. Identifiers and times
are made anew for each notification; --seed makes the identifiers the same every time, and in every notification of that
seed: a node's ports carry its uuid. --time makes the times the same.

With --count many are on their way at once; each is printed when the broker has confirmed it. With --list the argument is
a part of a name, or a pattern.`,
		Example:           examples,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, f, args, locate)
		},
	}
	options := cmd.Flags()
	options.StringArrayVar(&f.set, "set", nil, "change the value at a path: `PATH=VALUE` (repeatable; VALUE is JSON or text)")
	options.StringArrayVar(&f.remove, "remove", nil, "take out what lies at a `PATH` (repeatable)")
	options.StringVar(&f.file, "file", "", "send a captured notification from a `FILE` (- is stdin), in oslo's envelope or bare")
	options.BoolVar(&f.list, "list", false, "list the notifications of the catalogue, or those that fit the argument")
	options.BoolVar(&f.dryRun, "dry-run", false, "print the message bodies instead of sending them")
	options.StringVar(&f.amqp, "amqp", "", "RabbitMQ's `URL` (default: the rig's); a virtual host in it replaces the service's own")
	options.StringVar(&f.rig, "rig", "", "`NAME` of the rig to publish to (default: the only one that is up)")
	options.StringVar(&f.driver, "driver", "", "oslo's notification driver: messagingv2 or messaging (default messagingv2, or the file's)")
	options.IntVar(&f.count, "count", 1, "how many to send")
	options.Float64Var(&f.rate, "rate", 0, "how many to send each second (default: as fast as they are confirmed)")
	options.Uint64Var(&f.seed, "seed", 0, "make the identifiers the same every time (default: random)")
	options.StringVar(&f.time, "time", "", "the `TIME` that the notifications tell, in RFC 3339 (default: the present)")
	options.StringVarP(&f.output, "output", "o", "text", "text or json")
	completions := map[string]cobra.CompletionFunc{
		"output": cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp),
		"driver": cobra.FixedCompletions([]string{"messagingv2", "messaging"}, cobra.ShellCompDirectiveNoFileComp),
		"set":    completePaths("="),
		"remove": completePaths(""),
	}
	for flag, function := range completions {
		if err := cmd.RegisterFlagCompletionFunc(flag, function); err != nil {
			panic(err) // only a misspelt flag name gets here
		}
	}
	return cmd
}

// check refuses flags that contradict each other or make no sense.
func (f flags) check(args []string) error {
	bad := func(hint, format string, values ...any) error {
		return failure.New(failure.BadInput, hint, format, values...)
	}
	switch {
	case f.output != "text" && f.output != "json":
		return bad("give text or json", "unknown output format %q", f.output)
	case f.list:
		return nil
	case len(args) == 0 && f.file == "":
		return bad("eventrig publish --list shows what can be sent", "no SERVICE/EVENT_TYPE and no --file")
	case f.amqp != "" && f.rig != "":
		return bad("give one of them", "--amqp and --rig both say where to publish")
	case f.count < 1:
		return bad("", "--count must be at least 1, is %d", f.count)
	case !(f.rate >= 0 && f.rate <= 1e6):
		return bad("0 is as fast as they are confirmed", "--rate must be a number from 0 to 1000000, is %v", f.rate)
	}
	if f.driver != "" {
		if _, err := oslo.ParseDriver(f.driver); err != nil {
			return fmt.Errorf("--driver: %w", err)
		}
	}
	return nil
}

// edits reads --set and --remove.
func (f flags) edits() (oslo.Options, error) {
	options := oslo.Options{Set: map[string]any{}, Remove: f.remove}
	for _, assignment := range f.set {
		path, value, err := oslo.ParseAssignment(assignment)
		if err != nil {
			return options, fmt.Errorf("--set: %w", err)
		}
		options.Set[path] = value
	}
	return options, nil
}
