package suites_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/eventrig/eventrig/e2e/rig"
)

// configOf is for clients of a rig's API server, as its user has it, without the limit that clients put on themselves.
func configOf(r *rig.Rig) *rest.Config {
	GinkgoHelper()
	config, err := clientcmd.BuildConfigFromFlags("", r.Status().Kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	config.QPS, config.Burst = 1000, 1000
	return config
}

// dynamicOf is such a client for objects of any kind.
func dynamicOf(r *rig.Rig) dynamic.Interface {
	GinkgoHelper()
	client, err := dynamic.NewForConfig(configOf(r))
	Expect(err).NotTo(HaveOccurred())
	return client
}
