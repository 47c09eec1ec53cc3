// Package controlplane picks the component that this process is to be and runs upstream's own command for it.
//
// In: the process's arguments, of which the first (or the name the binary was started by) names a component.
// Out: the component's exit status.
package controlplane

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register" // --logging-format=json, as upstream's binaries have it
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// Command runs a component with the arguments that follow its name and returns the exit status.
type Command func(args []string) int

// exitUsage is the status for a component that nobody knows: bad usage, as the whole of eventrig has it.
const exitUsage = 2

// Main runs the component named by argv and returns the process's exit status.
// extra holds the components that are not upstream's own commands.
func Main(argv []string, extra map[string]Command) int {
	commands := map[string]Command{
		"etcd":                    etcd,
		"kube-apiserver":          upstream(apiserver.NewAPIServerCommand),
		"kube-controller-manager": upstream(controllermanager.NewControllerManagerCommand),
		"kube-scheduler":          upstream(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
		"kubectl":                 kubectl,
		"version":                 printVersion,
	}
	maps.Copy(commands, extra)

	name, args := component(argv, commands)
	run, ok := commands[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "eventrig-kube: %s; choose one of %s\n", unknown(name), strings.Join(slices.Sorted(maps.Keys(commands)), ", "))
		return exitUsage
	}
	return run(args)
}

// component returns the component's name and its arguments: by the name of the file when that is one, else by the first argument.
func component(argv []string, commands map[string]Command) (string, []string) {
	if len(argv) == 0 {
		return "", nil
	}
	if name := filepath.Base(argv[0]); commands[name] != nil {
		return name, argv[1:]
	}
	if len(argv) == 1 {
		return "", nil
	}
	return argv[1], argv[2:]
}

func unknown(name string) string {
	if name == "" {
		return "no component named"
	}
	return fmt.Sprintf("no component %q", name)
}

func upstream(newCommand func() *cobra.Command) Command {
	return func(args []string) int {
		command := newCommand()
		// Set before Execute, else cobra takes os.Args, which still hold the component's name.
		command.SetArgs(args)
		return cli.Run(command)
	}
}

// kubectl is for machines that have none, and for the tests; its plugins are left out.
func kubectl(args []string) int {
	command := kubectlcmd.NewKubectlCommand(kubectlcmd.KubectlOptions{
		IOStreams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
	})
	command.SetArgs(args)
	if err := cli.RunNoErrOutput(command); err != nil {
		kubectlutil.CheckErr(err) // ends the process with the error's own status
	}
	return 0
}

// etcd does not come back from etcdmain on failure: it exits the process with its own status.
func etcd(args []string) int {
	etcdmain.Main(append([]string{"etcd"}, args...))
	return 0
}

func printVersion([]string) int {
	fmt.Println(version.Get().GitVersion)
	return 0
}
