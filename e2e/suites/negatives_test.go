package suites_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
)

// gate is an admission webhook that holds every request back until it is opened: a slow API server, as a Sensor sees it.
type gate struct {
	url     string
	ca      []byte // PEM
	arrived chan struct{}
	opened  chan struct{}
	once    sync.Once
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// newGate serves the webhook on the rig's own network.
func newGate() *gate {
	GinkgoHelper()
	listener, err := shared.Listen("tcp", "10.244.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	address := listener.Addr().(*net.TCPAddr)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{address.IP}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	g := &gate{
		url: fmt.Sprintf("https://%s/", address), ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		arrived: make(chan struct{}, 16), opened: make(chan struct{}),
	}
	server := &http.Server{Handler: g, TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	DeferCleanup(server.Close)
	return g
}

// ServeHTTP allows what it is asked about, once the gate is open.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Request    struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g.arrived <- struct{}{}
	select {
	case <-g.opened:
	case <-r.Context().Done():
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": review.APIVersion, "kind": review.Kind,
		"response": map[string]any{"uid": review.Request.UID, "allowed": true},
	})
}

// objects are the webhook's configuration: it is asked before a Workflow is made.
func (g *gate) objects() []map[string]any {
	return []map[string]any{{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
		"metadata": map[string]any{"name": "eventrig-gate"},
		"webhooks": []any{map[string]any{
			"name": "gate.eventrig.dev", "sideEffects": "None", "admissionReviewVersions": []any{"v1"},
			"timeoutSeconds": int64(30), "failurePolicy": "Fail",
			"clientConfig": map[string]any{"url": g.url, "caBundle": base64.StdEncoding.EncodeToString(g.ca)},
			"rules": []any{map[string]any{
				"apiGroups": []any{"argoproj.io"}, "apiVersions": []any{"*"}, "resources": []any{"workflows"}, "operations": []any{"CREATE"},
			}},
		}},
	}}
}

var _ = Describe("a negative", func() {
	It("is not decided while a trigger is still under way", func(ctx SpecContext) {
		Expect(shared.LoadWorlds(ctx, []string{"one-domain"})).To(Succeed())
		held := newGate()
		DeferCleanup(held.open)
		_, undo, err := shared.Apply(ctx, held.objects())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) error {
			_, err := undo(ctx)
			return err
		}, NodeTimeout(10*time.Second))

		// A webhook takes effect a moment after its configuration was stored, so messages are sent until one is held.
		var keys []string
		for caught := false; !caught; {
			published, err := shared.Publish(ctx, scenario.Publish{
				Event: "keystone/identity.project.deleted", Set: map[string]any{"payload.target.id": "00000000000000000000000000000001"},
			})
			Expect(err).NotTo(HaveOccurred())
			tracked, err := shared.Observer().Track(published)
			Expect(err).NotTo(HaveOccurred())
			keys = append(keys, tracked...)
			caught = awaitHeld(ctx, held, tracked)
		}
		last := keys[len(keys)-1]
		// Every log on the way is read: the bus has nothing left, the message is acknowledged, and only the trigger's
		// outcome is missing, which runs after the acknowledgement.
		Eventually(ctx, func(g Gomega) {
			settled, open, err := shared.Observer().Settled(ctx, []string{last})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(settled).To(BeFalse(), "decided although the Workflow's creation is still held back")
			g.Expect(open).To(ContainSubstring("trigger keystone-event-project has not said"))
		}).WithTimeout(20 * time.Second).Should(Succeed())

		held.open()
		Eventually(ctx, func() (bool, error) {
			settled, _, err := shared.Observer().Settled(ctx, keys)
			return settled, err
		}).WithTimeout(30 * time.Second).Should(BeTrue())
		var triggered int
		for _, record := range shared.Ledger().Of(last) {
			if record.Hop == ledger.Triggered && record.Verdict == "succeeded" {
				triggered++
			}
		}
		Expect(triggered).To(Equal(1), "the trigger that was held back is in the ledger once")
	}, NodeTimeout(time.Minute))
})

// awaitHeld waits until the gate holds a request or the messages are settled without one.
func awaitHeld(ctx SpecContext, held *gate, keys []string) (caught bool) {
	GinkgoHelper()
	for {
		changed := shared.Observer().Changed()
		settled, _, err := shared.Observer().Settled(ctx, keys)
		Expect(err).NotTo(HaveOccurred())
		if settled {
			return false
		}
		select {
		case <-held.arrived:
			return true
		case <-changed:
		case <-ctx.Done():
			Fail("neither held nor settled: " + ctx.Err().Error())
		}
	}
}
