package suites_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// Whoever debugs a pipeline looks at its RabbitMQ, and operators do to it what breaks connections.
var _ = Describe("RabbitMQ", func() {
	// consumers are the connections of Keystone's EventSource, by RabbitMQ's names for them.
	consumers := func(ctx context.Context) []string {
		GinkgoHelper()
		answer, err := shared.RabbitMQCtl(ctx, "list_connections", "pid", "user", "--formatter", "json", "--quiet")
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Status).To(BeZero(), answer.Errors)
		var all []struct{ PID, User string }
		Expect(json.Unmarshal([]byte(answer.Output), &all)).To(Succeed(), answer.Output)
		var pids []string
		for _, one := range all {
			if one.User == "argo-keystone" {
				pids = append(pids, one.PID)
			}
		}
		return pids
	}

	It("is managed with its own rabbitmqctl, and an EventSource whose connection it ends comes back", func(ctx SpecContext) {
		before := consumers(ctx)
		Expect(before).To(HaveLen(1))
		mend, err := shared.Fault(ctx, scenario.Fault{Broker: "close-connections"})
		Expect(err).NotTo(HaveOccurred())
		Expect(mend(ctx)).To(Succeed(), "the EventSources consume again")
		after := consumers(ctx)
		Expect(after).To(HaveLen(1))
		Expect(slices.Equal(before, after)).To(BeFalse(), "another connection than before")
	}, NodeTimeout(2*time.Minute))

	It("has an HTTP API for whoever has the rig's status", func(ctx SpecContext) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, shared.Status().AMQP.Management+"/api/queues/keystone", nil)
		Expect(err).NotTo(HaveOccurred())
		answer, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		Expect(answer).To(HaveHTTPStatus(http.StatusOK))
		var queues []struct{ Name, Type string }
		Expect(json.NewDecoder(answer.Body).Decode(&queues)).To(Succeed())
		Expect(queues).To(ContainElement(HaveField("Name", "argo_notifications")))

		request.URL.User = nil
		answer, err = http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		Expect(answer).To(HaveHTTPStatus(http.StatusUnauthorized))
	}, NodeTimeout(2*time.Minute))

	It("is part of what explains a failure", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		Expect(shared.SaveArtifacts(folder)).To(Succeed())
		report, err := os.ReadFile(filepath.Join(folder, shared.Name(), "rabbitmq", "report.txt"))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(report)).To(ContainSubstring("argo_notifications"))
		Expect(string(report)).To(ContainSubstring("argo-keystone"))
	}, NodeTimeout(2*time.Minute))
})
