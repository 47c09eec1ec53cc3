// Package lifecycle holds the commands for a rig that stays: up, status and down.
package lifecycle

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Flags adds the flags that describe a rig to a command.
func Flags(command *cobra.Command, options *rig.Options) {
	flags := command.Flags()
	flags.StringVar(&options.Bus, "bus", rig.BusSTAN, "EventBus: "+strings.Join(rig.Buses, ", "))
	flags.StringVar(&options.Broker, "broker", rig.BrokerProcess, "RabbitMQ: "+rig.BrokerProcess+" is the rig's own; amqp[s]://USER:PASSWORD@HOST:PORT is one that runs already, whose virtual hosts must be there")
	flags.StringVar(&options.ArgoEvents, "argo-events", rig.DefaultArgoEvents, "version of Argo Events")
	flags.StringVar(&options.ArgoWorkflows, "argo-workflows", rig.DefaultArgoWorkflows, "version of Argo Workflows")
	flags.StringArrayVar(&options.Manifests, "manifests", nil, "folder, file, kustomization or Helm chart with the manifests under test (repeatable; default: the built-in pipeline of Keystone projects)")
	(*pipeline.Options)(&options.Reading).Flags(flags)
	flags.StringArrayVar(&options.Images, "image", nil, "what stands behind an image: REF=command:PATH, applet:PATH, rootfs:PATH, oci:PATH or registry:REFERENCE (repeatable)")
	flags.DurationVar(&options.ReadyTimeout, "ready-timeout", rig.DefaultReadyTimeout, "give up on Argo's pods, and then on EventSources and Sensors, that are not ready after this time")
	_ = command.RegisterFlagCompletionFunc("bus", cobra.FixedCompletions(rig.Buses, cobra.ShellCompDirectiveNoFileComp))
}

// Output adds -o and returns a check for it.
func Output(command *cobra.Command, output *string) func() error {
	command.Flags().StringVarP(output, "output", "o", "text", "text or json")
	return func() error {
		if *output != "text" && *output != "json" {
			return failure.New(failure.BadInput, "use text or json", "output format %q is unknown", *output)
		}
		return nil
	}
}

// Status is `eventrig status`.
func Status() *cobra.Command {
	var name, output string
	command := &cobra.Command{
		Use:     "status",
		Short:   "Show how to reach a rig that is up",
		Example: "  eventrig status -o json | jq -r .kubeconfig",
		Args:    cobra.NoArgs,
	}
	command.Flags().StringVar(&name, "rig", "", "name of the rig (default: the only one that is up)")
	check := Output(command, &output)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := check(); err != nil {
			return err
		}
		status, err := rig.Find(name)
		if err != nil {
			return err
		}
		return printStatus(command.OutOrStdout(), output, status)
	}
	return command
}

func printStatus(out io.Writer, output string, status rig.Status) error {
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(status)
	}
	_, err := fmt.Fprintf(out, `rig         %s (%s, pid %d)
kubeconfig  %s
RabbitMQ    %s (vhosts %s)
management  %s
Nautobot    %s (token %s)
Keystone    %s (clouds.yaml %s)
folder      %s
`, status.Name, status.Tier, status.PID, status.Kubeconfig, status.AMQP.URL, strings.Join(status.AMQP.VHosts, ", "),
		cmp.Or(status.AMQP.Management, "of the RabbitMQ itself"),
		status.Nautobot.URL, status.Nautobot.Token, status.OpenStack.AuthURL, status.OpenStack.CloudsYAML, status.Folder)
	return err
}

// Down is `eventrig down`.
func Down() *cobra.Command {
	var name string
	var all bool
	command := &cobra.Command{
		Use:   "down",
		Short: "Take a rig down and remove its folder",
		Example: `  eventrig down
  eventrig down --all   # also what killed rigs left behind`,
		Args: cobra.NoArgs,
	}
	command.Flags().StringVar(&name, "rig", "", "name of the rig (default: the only one that is up)")
	command.Flags().BoolVar(&all, "all", false, "every rig, also the folders of killed ones and the logs of failed ones")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if all {
			return downAll(command.Context(), command.OutOrStdout())
		}
		folder, err := rig.FindFolder(name)
		if err != nil {
			return err
		}
		if err := rig.End(command.Context(), folder); err != nil {
			return err
		}
		fmt.Fprintln(command.OutOrStdout(), filepath.Base(folder))
		return nil
	}
	return command
}

// downAll ends every rig and removes what killed and failed ones left. One that cannot be ended does not keep the others.
func downAll(ctx context.Context, out io.Writer) error {
	folders, err := rig.List()
	if err != nil {
		return err
	}
	var failed []error
	for _, folder := range folders {
		if err := rig.End(ctx, folder); err != nil {
			failed = append(failed, err)
			continue
		}
		fmt.Fprintln(out, folder)
	}
	discarded, err := rig.Discard()
	for _, folder := range discarded {
		fmt.Fprintln(out, folder)
	}
	return errors.Join(append(failed, err)...)
}

// executable is this program, to be started again in the background.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", failure.New(failure.Environment, "", "find this program's own path: %w", err)
	}
	return path, nil
}
