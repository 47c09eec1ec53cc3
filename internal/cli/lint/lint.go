// Package lint is the command `eventrig lint`: it reads manifests as one graph and prints what is wrong with the pipelines
// in them, without a cluster.
//
// In: folders, kustomizations, charts and files. Out: findings on stdout, as text, JSON, GitHub annotations or SARIF; exit
// status 1 when one is as bad as --fail-on says.
package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

type flags struct {
	output, failOn string
	only, skip     []string
	builtin        bool
	allEnabled     bool
	rules          string
	reading        pipeline.Options
}

// everyRule is what --rules without a value stands for.
const everyRule = "all"

const examples = `  # everything below a folder as one graph: manifests, kustomizations, charts
  eventrig lint deploy/

  # a chart with its values, in every combination of what can be enabled
  eventrig lint charts/site-workflows --values site.yaml --all-enabled

  # two parts that belong together
  eventrig lint charts/site-workflows workflows/argo-events

  # in a pull request; the same for GitHub's code scanning
  eventrig lint deploy/ -o github --fail-on warning
  eventrig lint deploy/ -o sarif >lint.sarif

  # some rules, or a family of them, or all but some
  eventrig lint deploy/ --only wiring,contracts/missing-argument
  eventrig lint deploy/ --skip wiring/undefined-secret

  # the rules; one with its reasons and examples
  eventrig lint --rules
  eventrig lint --rules wiring/unknown-event`

// New makes the command.
func New() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "lint PATH...",
		Short: "Find mistakes in manifests: wiring, contracts, rights, delivery",
		Long: `Read files, folders, kustomizations and Helm charts as one graph and check what its parts say of each other: Sensors
and EventSources, triggers and templates, workflows and the steps in them, ServiceAccounts and what they may do.
No cluster is asked.

Charts are checked with their own values, with those of --values and --set, and with --all-enabled in every combination of
what they can enable; a finding that the values as given do not show names the combination that shows it.

What cannot be read is a finding, input/unreadable, and the rest is still checked. A finding is taken back by an annotation
of its object, ` + lint.IgnoreAnnotation + `: "RULE[,RULE]: reason".`,
		Example: examples,
		Args:    cobra.ArbitraryArgs,
		RunE:    func(command *cobra.Command, paths []string) error { return run(command, f, paths) },
	}
	options := command.Flags()
	options.StringVarP(&f.output, "output", "o", "text", "text, json, github or sarif")
	options.StringVar(&f.failOn, "fail-on", "error", "exit status 1 from this severity on: error, warning or never")
	options.StringSliceVar(&f.only, "only", nil, "check these rules or families only: `RULE` (repeatable; what cannot be read is always said)")
	options.StringSliceVar(&f.skip, "skip", nil, "do not check these rules or families: `RULE` (repeatable)")
	options.BoolVar(&f.builtin, "builtin", false, "check the manifests that eventrig brings along, without PATH or with it")
	options.BoolVar(&f.allEnabled, "all-enabled", false, "check each Helm chart with all combinations of its values that are named enabled or lie below one of that name: "+
		"every one of up to six values; of more, each value changed alone, all on, all off, and every two of them in their four states")
	f.reading.Flags(options)
	options.StringVar(&f.rules, "rules", "", "list the rules, or print the page of one: --rules `ID`")
	options.Lookup("rules").NoOptDefVal = everyRule
	completions := map[string]cobra.CompletionFunc{
		"output":  cobra.FixedCompletions([]string{"text", "json", "github", "sarif"}, cobra.ShellCompDirectiveNoFileComp),
		"fail-on": cobra.FixedCompletions([]string{"error", "warning", "never"}, cobra.ShellCompDirectiveNoFileComp),
		"only":    completeRules, "skip": completeRules, "rules": completeRules,
	}
	for flag, function := range completions {
		if err := command.RegisterFlagCompletionFunc(flag, function); err != nil {
			panic(err) // only a misspelt flag name gets here
		}
	}
	return command
}

func completeRules(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	for _, rule := range lint.Rules {
		found = append(found, cobra.CompletionWithDesc(rule.ID, rule.Title))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

func run(command *cobra.Command, f flags, paths []string) error {
	if err := f.check(command); err != nil {
		return err
	}
	out := command.OutOrStdout()
	if command.Flags().Changed("rules") {
		return printRules(out, f, paths)
	}
	if len(paths) == 0 && !f.builtin {
		return failure.New(failure.BadInput, "eventrig lint DIR, or --builtin for the manifests that eventrig brings along; see: eventrig lint --help",
			"no PATH to check")
	}
	rules, err := choose(f.only, f.skip)
	if err != nil {
		return err
	}
	checked, err := read(command, f, paths)
	if err != nil {
		return err
	}
	result := lint.RunAll(command.Context(), checked.combinations, rules)
	if err := command.Context().Err(); err != nil {
		return err
	}
	if err := write(command, f, result, checked); err != nil {
		return fmt.Errorf("print the findings: %w", err)
	}
	if limit := lint.Severity(f.failOn); f.failOn != "never" && result.Worst().Rank() >= limit.Rank() {
		return failure.New(failure.Check, "eventrig lint --rules RULE explains a rule", "%s", summary(result))
	}
	return nil
}

func (f flags) check(command *cobra.Command) error {
	if !slices.Contains([]string{"text", "json", "github", "sarif"}, f.output) {
		return failure.New(failure.BadInput, "give text, json, github or sarif", "unknown output format %q", f.output)
	}
	if !slices.Contains([]string{"error", "warning", "never"}, f.failOn) {
		return failure.New(failure.BadInput, "give error, warning or never", "--fail-on %q is unknown", f.failOn)
	}
	return nil
}

// choose returns the rules that --only and --skip leave. What cannot be read, and what is wrong with a suppression, is
// said whatever --only names: without it a run over half of the files would look like one over all.
func choose(only, skip []string) ([]lint.Rule, error) {
	for _, name := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(lint.Rules, func(rule lint.Rule) bool { return names(name, rule) }) {
			return nil, unknown(name)
		}
	}
	var rules []lint.Rule
	for _, rule := range lint.Rules {
		fits := func(name string) bool { return names(name, rule) }
		always := rule.Family() == "input" || rule.Family() == "suppression"
		if (len(only) == 0 || always || slices.ContainsFunc(only, fits)) && !slices.ContainsFunc(skip, fits) {
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// names says whether a name on the command line means a rule: its id, or its family.
func names(name string, rule lint.Rule) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "*"), "/")
	return name == rule.ID || name == rule.Family()
}

func unknown(name string) error {
	var known []string
	for _, rule := range lint.Rules {
		known = append(known, rule.ID, rule.Family())
	}
	hint := "eventrig lint --rules lists them"
	if near := nearest.Name(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return failure.New(failure.BadInput, hint, "there is no rule %q", name)
}

func write(command *cobra.Command, f flags, result lint.Result, checked *input) error {
	out := command.OutOrStdout()
	switch f.output {
	case "json":
		return writeJSON(out, result, checked)
	case "github", "sarif":
		for _, line := range checked.varied() {
			command.PrintErrln(line)
		}
		if f.output == "github" {
			return writeGitHub(out, result)
		}
		return writeSARIF(out, result)
	}
	return writeText(out, result, checked)
}

// report is the JSON that the command prints.
type report struct {
	Findings     []lint.Finding `json:"findings"`               // by file and line
	Combinations []combination  `json:"combinations,omitempty"` // with --all-enabled: what was checked besides the values as given
}

// combination is a chart with some of what it can enable switched.
type combination struct {
	Chart string   `json:"chart"` // its name
	Set   []string `json:"set"`   // what differs from the values as given, as --set takes it
}

func writeJSON(out io.Writer, result lint.Result, checked *input) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report{append([]lint.Finding{}, result.Findings...), checked.list()})
}
