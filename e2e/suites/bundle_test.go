package suites_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/internal/bundle"
	"github.com/eventrig/eventrig/internal/report"
)

// unmet is a scenario whose handler fails, and that wants what does not come. Its pod is gone when the run ends.
const unmet = `
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: unmet}
spec:
  vars: {project: hex, name: name}
  given:
    worlds: [one-domain]
    faults: [{nautobot: {method: POST, path: /api/tenancy/tenants/, status: 503}}]
  when:
    - openstack: {create: project, id: "${project}", set: {name: "${name}", domain_id: default}}
    - publish: {event: keystone/identity.project.created, set: {payload.target.id: "${project}", payload.resource_info: "${project}"}}
  then:
    workflows: [{sensor: keystone-event-project, phase: Succeeded}]
    nautobot: [{path: tenancy/tenants, where: {id: "${project|dashed}"}, count: 1}]
---
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: met}
spec:
  when: [{publish: {event: keystone/identity.user.created}}]
  then: {sensors: [{name: keystone-event-project, fires: 0}]}
`

// expectBundle reads what a run of unmet on a rig left, as a person would who was sent it, and runs it again.
func expectBundle(p place, name string, arguments ...string) {
	GinkgoHelper()
	scenarios, folder := filepath.Join(p.root, "unmet.yaml"), filepath.Join(p.root, "it's a bundle")
	Expect(os.WriteFile(scenarios, []byte(unmet), 0o644)).To(Succeed())
	code, out, talk := p.run(append([]string{"test", scenarios, "--artifacts", folder}, arguments...)...)
	Expect(code).To(Equal(1), talk+out)
	Expect(talk).To(ContainSubstring(filepath.Join(folder, bundle.Index)))
	read := func(path string) string {
		GinkgoHelper()
		content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(path)))
		Expect(err).NotTo(HaveOccurred())
		return string(content)
	}

	By("the index")
	index := read(bundle.Index)
	Expect(index).To(HavePrefix("# failed: 1 passed, 1 failed\n"))
	Expect(index).To(ContainSubstring("## unmet"))
	Expect(index).NotTo(ContainSubstring("## met"))
	var linked []string
	for _, part := range strings.Split(index, "](")[1:] {
		path, _, _ := strings.Cut(part, ")")
		linked = append(linked, path)
		Expect(filepath.Join(folder, filepath.FromSlash(path))).To(Or(BeARegularFile(), BeADirectory()))
	}
	Expect(linked).NotTo(BeEmpty())
	first, _, _ := strings.Cut(index, "## What is here")
	Expect(first).To(ContainSubstring("Look first at:"))
	for _, want := range []string{"/pods/argo-events/keystone-event-project-", "/pods/openstack/keystone-event-project-sensor-", "/journals/unmet.jsonl", "/objects/argo-events/workflows.argoproj.io.yaml"} {
		Expect(first).To(ContainSubstring(want))
	}

	By("the files")
	var verdict report.Run
	Expect(json.Unmarshal([]byte(read(bundle.Verdict)), &verdict)).To(Succeed())
	Expect(verdict.Scenarios).To(HaveLen(2))
	for path, text := range map[string]string{
		"ledger.jsonl": `"hop":"published"`,
		"events.txt":   "Pod argo-events/keystone-event-project-",
		"audit.jsonl":  `"resource":"workflows"`,
		"objects/argo-events/workflows.argoproj.io.yaml": "phase: Failed",
		"objects/openstack/sensors.argoproj.io.yaml":     "name: keystone-event-project",
		"objects/openstack/secrets.yaml":                 "not shown: ",
		"journals/unmet.jsonl":                           `"status":503`,
		"rabbitmq/report.txt":                            "argo_notifications",
	} {
		Expect(read(name+"/"+path)).To(ContainSubstring(text), path)
	}
	handlers, err := filepath.Glob(filepath.Join(folder, name, "pods", "argo-events", "keystone-event-project-*", "main.0.log"))
	Expect(err).NotTo(HaveOccurred())
	var words []string // of other runs' handlers too, which the rig keeps as long
	for _, handler := range handlers {
		log, err := os.ReadFile(handler)
		Expect(err).NotTo(HaveOccurred())
		words = append(words, string(log))
	}
	Expect(words).To(ContainElement(ContainSubstring("503")), "the handler's own words")

	By("running it again")
	again := exec.Command("sh", filepath.Join(folder, bundle.Reproduce))
	again.Env, again.Dir = p.command().Env, "/"
	said, err := again.CombinedOutput()
	Expect(err).To(HaveOccurred())
	Expect(again.ProcessState.ExitCode()).To(Equal(1), string(said))
	Expect(string(said)).To(ContainSubstring("1 failed"))
	Expect(string(said)).NotTo(ContainSubstring("1 passed"), "only what failed runs again")
	project := verdict.Scenarios[0].Failures[len(verdict.Scenarios[0].Failures)-1]
	Expect(string(said)).To(ContainSubstring(project.Expected), "with the same values")
	Expect(filepath.Join(folder, "again", bundle.Index)).To(BeARegularFile())
}

var _ = Describe("what a rig leaves of itself", func() {
	It("holds the logs of pods that are gone, and no secrets", func(ctx SpecContext) {
		t := newTenant(ctx)
		const secret = "planted-by-the-spec"
		t.apply(running("gone", shellImage, `args: [-c, "echo last words"]`), `
apiVersion: v1
kind: Secret
metadata: {name: planted}
stringData: {password: `+secret+`}`)
		t.succeeded("gone")
		Expect(t.client.CoreV1().Pods(t.namespace).Delete(ctx, "gone", metav1.DeleteOptions{})).To(Succeed())
		t.gone("gone")

		folder := GinkgoT().TempDir()
		Expect(shared.SaveArtifacts(folder)).To(Succeed())
		Expect(os.ReadFile(filepath.Join(folder, shared.Name(), "pods", t.namespace, "gone", "main.0.log"))).To(HaveSuffix(" last words\n"))
		encoded := base64.StdEncoding.EncodeToString([]byte(secret))
		Expect(filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if bytes.Contains(content, []byte(secret)) || bytes.Contains(content, []byte(encoded)) {
				return fmt.Errorf("%s holds a Secret's value", path)
			}
			return err
		})).To(Succeed())
	}, NodeTimeout(podTimeout))
})
