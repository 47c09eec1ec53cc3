package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	chartloader "helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	"github.com/eventrig/eventrig/internal/failure"
)

const (
	// chartFile makes a folder a Helm chart.
	chartFile = "Chart.yaml"
	// renderTime bounds the rendering of one chart: a template can loop for as long as it likes.
	renderTime = 30 * time.Second
	// defaultKubeVersion is the Kubernetes that UnderStack runs and the embedded rig has.
	defaultKubeVersion = "1.34.0"
)

// defaultAPIVersions are what a cluster with both Argos serves besides Kubernetes' own APIs.
var defaultAPIVersions = []string{
	"argoproj.io/v1alpha1", "argoproj.io/v1alpha1/EventBus", "argoproj.io/v1alpha1/EventSource", "argoproj.io/v1alpha1/Sensor",
	"argoproj.io/v1alpha1/Workflow", "argoproj.io/v1alpha1/WorkflowTemplate", "argoproj.io/v1alpha1/ClusterWorkflowTemplate", "argoproj.io/v1alpha1/CronWorkflow",
}

// helmChart is a chart that was read, to be rendered.
type helmChart struct {
	folder string // as the caller named it
	name   string
	files  []*chartloader.BufferedFile

	release, namespace string // as a kustomization gives them; empty where the options do
}

// chart renders the Helm chart in a folder, as `helm template --include-crds --skip-tests` does.
func (l *loader) chart(folder string) error {
	if l.trim != "" {
		return failure.New(failure.BadInput, "", "%s: Helm charts are read from disk only", l.name(folder))
	}
	read, err := chartloader.Load(folder)
	if err != nil {
		return Problem{Kind: Unreadable, File: l.join(folder, chartFile), Line: errorLine(err), Message: "Helm chart: " + err.Error(),
			Hint: "`helm lint` on this folder says the same"}.asError()
	}
	found := &helmChart{folder: folder, name: read.Name()}
	for _, file := range read.Raw {
		found.files = append(found.files, &chartloader.BufferedFile{Name: file.Name, Data: file.Data})
	}
	l.charts = append(l.charts, found.name)
	if read.Metadata.Type == "library" {
		return nil // it only defines what other charts include
	}
	values, err := l.chartValues(found)
	if err != nil {
		return err
	}
	if l.vary != nil {
		if err := l.vary(found, read, values); err != nil {
			return err
		}
	}
	return l.renderAll(found, values)
}

// renderAll renders a chart. A tolerant loader leaves a template out that cannot be rendered and renders the others.
func (l *loader) renderAll(from *helmChart, values map[string]any) error {
	broken := map[string]bool{}
	for {
		rendered, err := l.render(from, values, broken)
		if err == nil {
			return l.renderedObjects(from, rendered)
		}
		file := templateIn(err)
		if err := l.report(from.folder, l.chartError(from, values, err)); err != nil {
			return err
		}
		if file == "" || broken[file] {
			return nil
		}
		broken[file] = true
	}
}

// render returns what each template renders to, by the template's path below the chart's folder.
func (l *loader) render(from *helmChart, values map[string]any, without map[string]bool) (map[string]string, error) {
	files := slices.Clone(from.files)
	for i, file := range files {
		if without[file.Name] {
			files[i] = &chartloader.BufferedFile{Name: file.Name}
		}
	}
	loaded, err := chartloader.LoadFiles(files) // anew, because Helm changes it
	if err != nil {
		return nil, err
	}
	if err := loaded.Validate(); err != nil {
		return nil, err
	}
	values = chartutil.Values(copyMap(values))
	if err := chartutil.ProcessDependenciesWithMerge(loaded, values); err != nil {
		return nil, err
	}
	if err := vendored(loaded); err != nil {
		return nil, err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	version, err := l.options.kubeVersion()
	if err != nil {
		return nil, err
	}
	capabilities.KubeVersion = *version
	capabilities.APIVersions = slices.Concat(chartutil.DefaultVersionSet, defaultAPIVersions, l.options.APIVersions)
	if wanted := loaded.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, version.Version) {
		return nil, failure.New(failure.BadInput, "give the version that it is for with --kube-version", "the chart is for Kubernetes %s, not for %s", wanted, version.Version)
	}
	release := chartutil.ReleaseOptions{Name: orDefault(from.release, from.name), Namespace: orDefault(l.chartNamespace(from), "default"), Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValuesWithSchemaValidation(loaded, values, release, capabilities, remoteSchema(loaded))
	if err != nil {
		return nil, err
	}
	rendered, err := within(l.ctx, renderTime, func() (map[string]string, error) { return engine.Engine{}.Render(loaded, all) })
	if err != nil {
		return nil, err
	}
	own := make(map[string]string, len(rendered))
	prefix := loaded.ChartFullPath() + "/"
	for name, content := range rendered {
		own[strings.TrimPrefix(name, prefix)] = content
	}
	for _, crd := range loaded.CRDObjects() {
		own[strings.TrimPrefix(crd.Filename, prefix)] = string(crd.File.Data)
	}
	return own, nil
}

// within ends waiting when time or the context is over; the library cannot be stopped, so the goroutine may run on. Where the
// library panics at what it was given, that is an error.
func within[T any](ctx context.Context, limit time.Duration, do func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it takes longer than %s", limit))
	defer cancel()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var got result
		defer func() {
			if reason := recover(); reason != nil {
				got.err = fmt.Errorf("it gives up at this input: %v", reason)
			}
			done <- got
		}()
		got.value, got.err = do()
	}()
	select {
	case got := <-done:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// renderedObjects parses what a chart's templates have made.
func (l *loader) renderedObjects(from *helmChart, rendered map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if base := path.Base(name); base == "NOTES.txt" || !isManifest(base) || strings.TrimSpace(rendered[name]) == "" {
			continue
		}
		if err := l.renderedFile(from, name, rendered[name]); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) renderedFile(from *helmChart, name, content string) error {
	file := from.place(l, name)
	var lines []int
	if template, ok := from.text(name); ok {
		lines = templateLines(string(template), content)
	}
	written := func(line int) int {
		if line > 0 && line < len(lines) {
			return lines[line]
		}
		return 0
	}
	objects, err := parse(file, []byte(content), func(err error) error {
		problem := problemOf(file, err)
		text := "?"
		if all := strings.Split(content, "\n"); problem.Line > 0 && problem.Line <= len(all) {
			text = strings.TrimSpace(all[problem.Line-1])
		}
		problem.Message = fmt.Sprintf("what the template makes cannot be read: %s (line %d of it: %s)", problem.Message, problem.Line, shorten(text, 80))
		problem.Hint = "`helm template` shows what it makes"
		problem.Line = nearestLine(lines, problem.Line)
		return l.report(file, problem.asError())
	})
	if err != nil {
		return err
	}
	for _, object := range objects {
		if hook := object.GetAnnotations()["helm.sh/hook"]; hook != "" && !runsOnInstall(hook) {
			continue
		}
		if lines != nil {
			object.source.lines = lines
			if object.Line = written(object.source.node.Line); object.Line == 0 {
				object.Line = nearestLine(lines, object.source.node.Line)
			}
		}
		object.source.file = l.real(file)
		if from.namespace == "" { // kustomize puts nothing into the release's namespace
			object = inNamespace(object, l.chartNamespace(from))
		}
		l.objects = append(l.objects, object)
	}
	return nil
}

// runsOnInstall reports whether a hook belongs to what an installation makes: not a test, not for taking away or going back.
func runsOnInstall(hook string) bool {
	return slices.ContainsFunc(strings.Split(hook, ","), func(event string) bool {
		return slices.Contains([]string{"pre-install", "post-install", "pre-upgrade", "post-upgrade", "crd-install"}, strings.TrimSpace(event))
	})
}

// place is where a chart's file lies: inside a packed subchart nothing more than the package can be named.
func (c *helmChart) place(l *loader, name string) string {
	if file := l.join(c.folder, filepath.FromSlash(name)); l.files.Exists(file) {
		return file
	}
	if !l.files.IsDir(c.folder) {
		return c.folder
	}
	folder := c.folder
	for _, part := range strings.Split(name, "/") {
		inner := l.join(folder, part)
		if !l.files.Exists(inner) {
			break
		}
		folder = inner
	}
	return folder
}

// text is the template that a file was rendered from, where it lies in the chart's own folder.
func (c *helmChart) text(name string) ([]byte, bool) {
	for _, file := range c.files {
		if file.Name == name {
			return file.Data, true
		}
	}
	return nil, false
}

// vendored refuses a chart that needs one which is not in its charts folder: nothing is fetched.
func vendored(loaded *chart.Chart) error {
	for _, needed := range loaded.Metadata.Dependencies {
		if needed == nil {
			continue
		}
		if !slices.ContainsFunc(loaded.Dependencies(), func(c *chart.Chart) bool { return c.Name() == needed.Name }) {
			return failure.New(failure.BadInput, "run `helm dependency build` first: charts are not fetched from here",
				"the chart %s (%s) that it needs is not in its charts folder", needed.Name, orDefault(needed.Repository, "no repository"))
		}
	}
	for _, inner := range loaded.Dependencies() {
		if err := vendored(inner); err != nil {
			return err
		}
	}
	return nil
}

var remoteReference = regexp.MustCompile(`"\$ref"\s*:\s*"https?://`)

// remoteSchema reports whether a chart's schema would have to be fetched to be checked.
func remoteSchema(loaded *chart.Chart) bool {
	return remoteReference.Match(loaded.Schema) || slices.ContainsFunc(loaded.Dependencies(), remoteSchema)
}

var (
	// templatePlace is how Helm and Go's templates name a place: chart/templates/x.yaml:3 or with a column.
	templatePlace = regexp.MustCompile(`([\w.@+-]+(?:/[\w.@+ -]+)*/templates/[\w./@+-]+):(\d+)(?::\d+)?`)
	fileLine      = regexp.MustCompile(`line (\d+)`)
)

func errorLine(err error) int {
	if match := fileLine.FindStringSubmatch(err.Error()); match != nil {
		line, _ := strconv.Atoi(match[1])
		return line
	}
	return 1
}

// templateIn is the template that an error began in, by its path below the chart's folder.
func templateIn(err error) string {
	match := templatePlace.FindStringSubmatch(err.Error())
	if match == nil {
		return ""
	}
	_, name, _ := strings.Cut(match[1], "/")
	return name
}

// chartError says where in the chart Helm has failed: of a chain of templates that include each other, in the innermost.
func (l *loader) chartError(from *helmChart, values map[string]any, err error) error {
	text := err.Error()
	problem := Problem{Kind: Unreadable, File: l.join(from.folder, chartFile), Line: 1, Hint: failure.Hint(err)}
	if problem.Hint == "" {
		problem.Hint = "`helm template` on this folder says the same"
	}
	if places := templatePlace.FindAllStringSubmatchIndex(text, -1); places != nil {
		last := places[len(places)-1]
		_, name, _ := strings.Cut(text[last[2]:last[3]], "/")
		problem.File = from.place(l, name)
		problem.Line, _ = strconv.Atoi(text[last[4]:last[5]])
		text = strings.TrimLeft(text[last[1]:], "): ")
		if strings.Contains(err.Error(), "error calling required") || strings.HasPrefix(err.Error(), "execution error at") {
			problem.Hint = "give the value with --values or --set"
		}
	} else if strings.HasPrefix(text, "values don't meet") {
		problem.File, problem.Line = l.valuesPlace(from, text)
		problem.Hint = "the chart's values.schema.json says what it takes"
	}
	problem.Message = "Helm chart " + from.name + ": " + strings.Join(strings.Fields(text), " ")
	return problem.asError()
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func shorten(text string, length int) string {
	if runes := []rune(text); len(runes) > length {
		return string(runes[:length]) + "..."
	}
	return text
}

func copyMap(from map[string]any) map[string]any {
	to := make(map[string]any, len(from))
	for key, value := range from {
		if inner, ok := value.(map[string]any); ok {
			value = copyMap(inner)
		}
		to[key] = value
	}
	return to
}

var utf8BOM = []byte("\xef\xbb\xbf")

func withoutBOM(content []byte) []byte { return bytes.TrimPrefix(content, utf8BOM) }
