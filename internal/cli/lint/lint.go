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
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

type flags struct {
	output, failOn string
	only, skip     []string
	builtin        bool
	rules          string
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
  eventrig lint deploy/ --only wiring,contracts/unknown-parameter
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
	in, err := read(command, f, paths)
	if err != nil {
		return err
	}
	result := lint.Run(command.Context(), in, rules)
	if err := command.Context().Err(); err != nil {
		return err
	}
	if err := write(out, f, result, in); err != nil {
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

// read reads the manifests that are to be checked.
func read(command *cobra.Command, f flags, paths []string) (*lint.Input, error) {
	// A path that is not there is a slip on the command line; what is wrong with those that are is a finding.
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return nil, failure.New(failure.BadInput, "give files and folders with manifests", "%w", err)
		}
	}
	graph, problems := pipeline.Read(command.Context(), pipeline.Options{}, paths...)
	var folders []lint.Folder
	for _, path := range paths {
		folders = append(folders, lint.Folder{FS: os.DirFS(path), Name: filepath.ToSlash(filepath.Clean(path))})
	}
	if f.builtin {
		const name = "understack"
		own, err := pipeline.LoadFS(manifests.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read the manifests that eventrig brings along: %w", err)
		}
		graph = &pipeline.Graph{Objects: append(slices.Clone(graph.Objects), own.Objects...)}
		within, err := fs.Sub(manifests.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read the manifests that eventrig brings along: %w", err)
		}
		folders = append(folders, lint.Folder{FS: within, Name: name})
	}
	if len(graph.Objects) == 0 && len(problems) == 0 {
		return nil, failure.New(failure.BadInput, "give files and folders with manifests (.yaml, .yml, .json), kustomizations or Helm charts",
			"no manifests in %s", strings.Join(paths, ", "))
	}
	in := lint.NewInput(graph, problems)
	in.Folders = folders
	return in, nil
}

func write(out io.Writer, f flags, result lint.Result, in *lint.Input) error {
	switch f.output {
	case "json":
		return writeJSON(out, result)
	case "github":
		return writeGitHub(out, result)
	case "sarif":
		return writeSARIF(out, result)
	}
	return writeText(out, result, len(in.Graph.Objects))
}

// report is the JSON that the command prints.
type report struct {
	Findings []lint.Finding `json:"findings"` // by file and line
}

func writeJSON(out io.Writer, result lint.Result) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report{append([]lint.Finding{}, result.Findings...)})
}
