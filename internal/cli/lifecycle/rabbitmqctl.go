package lifecycle

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/control"
	"github.com/eventrig/eventrig/internal/failure"
)

// RabbitMQCtl is `eventrig rabbitmqctl`.
func RabbitMQCtl() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:   "rabbitmqctl COMMAND [ARGUMENT...]",
		Short: "Run rabbitmqctl against the RabbitMQ of a rig that is up",
		Long: `Run rabbitmqctl against the RabbitMQ of a rig that is up.

It is the rabbitmqctl that came with the rig's RabbitMQ, and runs where RabbitMQ does. Flags of eventrig come before
COMMAND; everything after it is rabbitmqctl's. RabbitMQ's HTTP API and management page are at amqp.management of
eventrig status -o json.`,
		Example: `  eventrig rabbitmqctl list_queues -p keystone name messages consumers
  eventrig rabbitmqctl --rig mine close_all_connections --global "to see who comes back"
  curl -s $(eventrig status -o json | jq -r .amqp.management)/api/queues`,
		Args: cobra.MinimumNArgs(1),
	}
	command.Flags().SetInterspersed(false)
	command.Flags().StringVar(&name, "rig", "", "name of the rig (default: the only one that is up)")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		status, err := rig.Find(name)
		if err != nil {
			return err
		}
		client, err := control.Join(status.Folder)
		if err != nil {
			return err
		}
		answer, err := client.RabbitMQCtl(command.Context(), arguments...)
		if err != nil {
			return err
		}
		fmt.Fprint(command.OutOrStdout(), answer.Output)
		fmt.Fprint(command.ErrOrStderr(), answer.Errors)
		return ctlStatus(answer.Status)
	}
	return command
}

// ctlStatus makes an exit status of this program of rabbitmqctl's, which are those of sysexits.h.
func ctlStatus(status int) error {
	class := failure.Check
	switch status {
	case 0:
		return nil
	case 64, 65: // EX_USAGE, EX_DATAERR
		class = failure.BadInput
	case 69, 75: // EX_UNAVAILABLE, EX_TEMPFAIL
		class = failure.Environment
	}
	return failure.New(class, "", "rabbitmqctl ended with status %d", status)
}
