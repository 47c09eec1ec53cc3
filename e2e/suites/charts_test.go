package suites_test

import (
	"encoding/json"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/internal/report"
)

// A user's own manifests: a Helm chart with values of the site, and kustomizations beside it.
var _ = Describe("a Helm chart", Serial, ownRig, func() {
	It("is run with its values, together with what lies beside it", func(SpecContext) {
		p := newPlace()
		under := func(name string) string {
			return filepath.Join("..", "..", "manifests", "understack", filepath.FromSlash(name))
		}
		chart := filepath.Join("testdata", "chart")
		code, out, talk := p.run("test", "--focus", "^keystone-project-created$", "--artifacts", filepath.Join(p.root, "artifacts"), "-o", "json",
			"--manifests", under("namespaces"), "--manifests", under("rbac/sensors"), "--manifests", under("rbac/workflows"), "--manifests", under("workflowtemplates/keystone-event-project"),
			"--manifests", chart, "--namespace", chart+"=openstack", "--values", "site="+filepath.Join("testdata", "chart-values.yaml"),
			"--set", "events={identity.project.created,identity.project.deleted}")
		Expect(code).To(BeZero(), talk+out)
		var verdict report.Run
		Expect(json.Unmarshal([]byte(out), &verdict)).To(Succeed())
		Expect(verdict.Scenarios).To(HaveLen(1))
		Expect(verdict.Notes).To(ContainElement("the rig has no rabbitmq.com: User argo-keystone not applied"))
	}, NodeTimeout(4*time.Minute))
})
