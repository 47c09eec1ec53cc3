// Package mutate holds `eventrig mutate`: whether scenarios are able to fail. It changes manifests one small thing at a time
// and says which changes no scenario notices.
//
// In: manifests, scenarios, a file with reasons. Out: text for people or JSON for programs; exit status 1 where a change is
// left that no scenario notices and nothing accounts for.
package mutate

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/mutate"
)

// flags is what the command line says.
type flags struct {
	rig           rig.Options
	tier          string
	focus         string
	operators     []string
	sample        int
	seed          int64
	reasons       string
	rigs          int
	mutantReady   time.Duration
	timeout       time.Duration
	list          bool
	listOperators bool
	all           bool
	output        string
}

const examples = `  # do the built-in scenarios notice what could be wrong with UnderStack's Sensors (seconds, without a cluster)
  eventrig mutate

  # my manifests and my scenarios
  eventrig mutate --manifests deploy/ scenarios/

  # everything, templates, handlers' arguments and rights too, on a rig (long; --sample takes some)
  eventrig mutate --tier embedded
  eventrig mutate --tier embedded --sample 30 --seed 7

  # one Sensor; one sort of change
  eventrig mutate --focus Sensor/openstack/keystone-event-project
  eventrig mutate --operators filter-drop,filter-widen

  # what would be changed
  eventrig mutate --list
  eventrig mutate --list-operators

  # for programs: what no scenario notices
  eventrig mutate -o json | jq -r '.mutants[] | select(.verdict == "survived") | "\(.file):\(.line) \(.change)"'`

// tiers are those that mutants can be tried at.
var tiers = []string{offline.Tier, rig.Tier}

// New makes the command.
func New() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "mutate [SCENARIO...]",
		Short: "Say whether scenarios notice small changes of the manifests",
		Long: `Change manifests one small thing at a time (a mutant: a filter dropped, another path, a verb of a role gone, an argument of a
handler's command left out) and run the scenarios that come to what is changed, until one fails. A mutant that no scenario
notices is a survivor: a scenario is missing, or what was changed makes no difference.

Mutants are tried the cheapest way first: those that mean the same as what is written are told apart; what Sensors decide is
tried at the offline tier; with --tier embedded the rest is applied to a rig, one after the other, and taken back. Of
survivors eventrig lint is asked, too, and for a Sensor's an event is looked for that a scenario could send to notice it.

SCENARIO is a scenario file or a folder of them; without one the built-in scenarios run. A scenario that does not pass with
the manifests as they are written says nothing about mutants, and is left out and named.

A file of reasons (--reasons) accounts for survivors; docs/mutation.md says how it is written.`,
		Example: examples,
	}
	lifecycle.Flags(command, &f.rig)
	options := command.Flags()
	options.Lookup("manifests").Usage = "folder, file, kustomization or Helm chart with the manifests that are changed (repeatable; default: UnderStack's, which are built in)"
	options.Lookup("bus").DefValue, f.rig.Bus = rig.BusJetStream, rig.BusJetStream
	options.StringVar(&f.tier, "tier", offline.Tier, "where mutants are tried: "+offline.Tier+" needs nothing; "+rig.Tier+" tries on a rig what that cannot tell")
	options.StringVar(&f.focus, "focus", "", "regular expression for the mutants to try: OPERATOR KIND/NAMESPACE/NAME PATH FILE:LINE")
	options.StringSliceVar(&f.operators, "operators", nil, "operators to use (default: all; --list-operators lists them)")
	options.IntVar(&f.sample, "sample", 0, "try this many mutants, drawn at random (default: all)")
	options.Int64Var(&f.seed, "seed", 1, "of the sample, and of what scenarios draw at random")
	options.StringVar(&f.reasons, "reasons", "", "`FILE` that says why mutants may survive (default with the built-in manifests: built in)")
	options.IntVar(&f.rigs, "rigs", 1, "with --tier embedded: try mutants on this many rigs at once; each takes about 1 GiB")
	options.DurationVar(&f.mutantReady, "mutant-ready", time.Minute, "with --tier embedded: a mutant with which the rig's pods are not ready after this time counts as noticed")
	options.DurationVar(&f.timeout, "timeout", 4*time.Hour, "stop after this time; what was decided until then is reported")
	options.BoolVar(&f.list, "list", false, "only list the mutants")
	options.BoolVar(&f.listOperators, "list-operators", false, "only list the operators")
	options.BoolVar(&f.all, "all", false, "show every mutant, also those that scenarios notice")
	check := lifecycle.Output(command, &f.output)
	for name, values := range map[string][]string{"tier": tiers, "operators": mutate.Names()} {
		if err := command.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // only a misspelt flag name gets here
		}
	}
	_ = command.MarkFlagFilename("reasons", "yaml", "yml")
	command.RunE = func(command *cobra.Command, paths []string) error {
		if err := check(); err != nil {
			return err
		}
		return f.run(command, paths)
	}
	return command
}

// choice is what the flags say of mutants.
func (f *flags) choice() (mutate.Choice, error) {
	choice := mutate.Choice{Operators: f.operators}
	switch {
	case !slices.Contains(tiers, f.tier):
		return choice, failure.New(failure.BadInput, "use one of "+strings.Join(tiers, ", "), "there is no tier %q for mutants", f.tier)
	case f.sample < 0:
		return choice, failure.New(failure.BadInput, "leave it out for all mutants", "--sample %d is no number of mutants", f.sample)
	case f.rigs < 1:
		return choice, failure.New(failure.BadInput, "1 or more", "--rigs %d is no number of rigs", f.rigs)
	}
	if f.focus == "" {
		return choice, nil
	}
	focus, err := regexp.Compile(f.focus)
	if err != nil {
		return choice, failure.New(failure.BadInput, "it is a Go regular expression (RE2)", "read --focus: %w", err)
	}
	choice.Focus = focus
	return choice, nil
}
