package suites_test

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const backends = `
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: http, port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: db}, ports: [{name: http, port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: db}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: NodePort, selector: {app: db}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: web.NAMESPACE.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: main, image: e2e.eventrig.dev/tool, args: [serve, ":8080"], ports: [{name: web, containerPort: 8080}], readinessProbe: {periodSeconds: 1, tcpSocket: {port: web}}}`

var _ = Describe("a Service", func() {
	It("has its names and leads to its pods", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(strings.ReplaceAll(backends, "NAMESPACE", t.namespace), `
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  hostname: front
  subdomain: db
  containers: [{name: main, image: e2e.eventrig.dev/tool, args: [wait]}]`)
		t.phase("client", corev1.PodRunning)
		var ips []string
		for _, name := range []string{"db-0", "db-1", "db-2"} {
			ips = append(ips, t.ready(name).Status.PodIP)
		}
		slices.Sort(ips)
		for _, service := range []string{"db", "web", "sticky", "outside"} {
			t.endpoints(service, 3)
		}
		get := func(address string) string { return strings.TrimSpace(t.does("client", "podtool", "get", address)) }
		lookup := func(kind, name string) []string {
			return strings.Fields(strings.ReplaceAll(t.does("client", "podtool", "lookup", kind, name), " ", ":"))
		}
		domain := "." + t.namespace + ".svc.cluster.local"
		web, err := t.client.CoreV1().Services(t.namespace).Get(ctx, "web", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())

		By("names")
		for _, name := range []string{"web", "web." + t.namespace, "web." + t.namespace + ".svc", "web" + domain, "web" + domain + ".", "alias"} {
			Expect(lookup("host", name)).To(Equal([]string{web.Spec.ClusterIP}), name)
		}
		Expect(lookup("host", "db")).To(Equal(ips))
		for _, name := range []string{"db-1.db", "db-1.db" + domain} {
			Expect(get("http://"+name+":8080/")).To(Equal("db-1"), name)
		}
		Expect(lookup("cname", "alias")).To(Equal([]string{"web" + domain + "."}))
		Expect(lookup("srv", "_http._tcp.web"+domain)).To(Equal([]string{"web" + domain + ".:80"}))
		Expect(lookup("srv", "_http._tcp.db"+domain)).To(Equal([]string{"db-0.db" + domain + ".:8080", "db-1.db" + domain + ".:8080", "db-2.db" + domain + ".:8080"}))
		Expect(lookup("host", "kubernetes.default")).To(HaveLen(1))
		_, err = t.exec("client", "", "podtool", "lookup", "host", "nobody-knows."+t.namespace)
		Expect(err).To(MatchError(ContainSubstring("no such host")))
		Expect(t.does("client", "cat", "/etc/hostname")).To(Equal("front\n"))
		Expect(t.does("client", "cat", "/etc/hosts")).To(ContainSubstring("front.db" + domain))

		By("addresses")
		answers := func(address string) map[string]bool {
			hosts := map[string]bool{}
			for range 20 {
				hosts[get(address)] = true
			}
			return hosts
		}
		Expect(len(answers("http://web/"))).To(BeNumerically(">", 1), "connections are spread over the pods")
		Expect(answers("http://sticky/")).To(HaveLen(1), "a client with session affinity meets one pod")
		outside, err := t.client.CoreV1().Services(t.namespace).Get(ctx, "outside", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		nodePort := outside.Spec.Ports[0].NodePort
		Expect(get(nodeURL("10.244.0.1", nodePort))).To(HavePrefix("db-"))
		Expect(t.fromNode("10.244.0.1", nodePort)).To(HavePrefix("db-"))
		// A pod meets itself behind a Service of its own, from the node's address.
		for range 6 {
			t.does("db-0", "podtool", "get", "http://web/client")
		}
		_, err = t.exec("client", "", "podtool", "get", "http://nobody/")
		Expect(err).To(MatchError(ContainSubstring("connection refused")), "a Service without pods refuses at once")

		By("a pod that goes")
		Expect(t.client.AppsV1().StatefulSets(t.namespace).Delete(ctx, "db", metav1.DeleteOptions{})).To(Succeed())
		t.endpoints("web", 0)
		Eventually(ctx, func() error {
			_, err := t.exec("client", "", "podtool", "get", "http://web/")
			return err
		}).Should(MatchError(ContainSubstring("connection refused")))
	}, NodeTimeout(podTimeout))

	It("is not needed for a hostPort or a pod on the node's network", func(ctx SpecContext) {
		t := newTenant(ctx)
		hosting := func(name, port, protocol string) string {
			return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: e2e.eventrig.dev/tool, args: [serve, ":8080"], ports: [{containerPort: 8080, ` + port + `, protocol: ` + protocol + `}], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}}]`
		}
		t.apply(hosting("given", "hostPort: 18080", "TCP"), hosting("refused", "hostPort: 18081", "SCTP"), hosting("elsewhere", "hostPort: 18082, hostIP: 127.0.0.1", "TCP"), `
apiVersion: v1
kind: Pod
metadata: {name: on-node}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  dnsPolicy: ClusterFirstWithHostNet
  containers: [{name: main, image: e2e.eventrig.dev/tool, args: [serve, ":18083"], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 18083}}}]`)
		given := t.ready("given")
		Expect(given.Status.HostIP).To(Equal("10.244.0.1"))
		Expect(t.fromNode("10.244.0.1", 18080)).To(Equal("given"))
		Expect(t.does("given", "podtool", "get", nodeURL("10.244.0.1", 18080))).To(Equal("given\n"), "it meets itself there")
		t.event("refused", "hostPort 18081 of protocol SCTP is not to be had")
		t.event("elsewhere", "hostPort 18082 at hostIP 127.0.0.1 is not to be had")

		node := t.ready("on-node")
		Expect(node.Status.PodIP).To(Equal("10.244.0.1"))
		Expect(t.does("refused", "podtool", "get", nodeURL("10.244.0.1", 18083))).To(Equal("eventrig\n"))
		Expect(t.does("on-node", "podtool", "lookup", "host", "kubernetes.default.svc")).To(Equal("10.96.0.1\n"))

		t.apply(hosting("second", "hostPort: 18080", "TCP"))
		t.event("second", "didn't have free ports")
		Expect(t.client.CoreV1().Pods(t.namespace).Delete(ctx, "given", metav1.DeleteOptions{})).To(Succeed())
		t.ready("second")
		Expect(t.fromNode("10.244.0.1", 18080)).To(Equal("second"))
	}, NodeTimeout(podTimeout))
})

// endpoints waits until a Service has so many ready ones.
func (t tenant) endpoints(service string, count int) {
	GinkgoHelper()
	slices, err := t.client.DiscoveryV1().EndpointSlices(t.namespace).List(t.ctx, metav1.ListOptions{LabelSelector: discovery.LabelServiceName + "=" + service})
	Expect(err).NotTo(HaveOccurred())
	Expect(slices.Items).NotTo(BeEmpty(), service)
	until(t, t.client.DiscoveryV1().RESTClient(), "endpointslices", slices.Items[0].Name, "to have its endpoints", func(slice *discovery.EndpointSlice) bool {
		ready := 0
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				ready++
			}
		}
		return ready == count
	})
}
