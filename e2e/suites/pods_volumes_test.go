package suites_test

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {plain: from the map, other: second}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {key: from the secret}`

var _ = Describe("a pod's volumes and environment", func() {
	It("hold what the manifest names", func(ctx SpecContext) {
		t := newTenant(ctx)
		folder := GinkgoT().TempDir()
		Expect(os.Chmod(folder, 0o777)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "given"), []byte("from the host\n"), 0o644)).To(Succeed())
		t.apply(settings, `
apiVersion: v1
kind: Pod
metadata: {name: volumes, labels: {colour: green}, annotations: {note: written}}
spec:
  restartPolicy: Never
  volumes:
  - {name: map, configMap: {name: settings, items: [{key: plain, path: deep/down, mode: 0440}]}}
  - {name: secret, secret: {secretName: keys, defaultMode: 0400}}
  - {name: optional, secret: {secretName: not-there, optional: true}}
  - {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: cpu, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}]}}
  - name: all
    projected:
      sources:
      - {serviceAccountToken: {path: token, audience: somebody, expirationSeconds: 600}}
      - {configMap: {name: settings, items: [{key: other, path: other}]}}
      - {secret: {name: keys}}
      - {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
  - {name: scratch, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory}}
  - {name: host, hostPath: {path: `+folder+`, type: Directory}}
  containers:
  - name: main
    image: e2e.eventrig.dev/shell
    resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {cpu: 250m}}
    command: [sh, -c]
    args:
    - |
      set -e
      cat /map/deep/down; echo; stat -L -c %a /map/deep/down; cat /secret/key; echo; stat -L -c %a /secret/key; ls /optional | wc -l
      cat /down/labels; echo; cat /down/cpu; echo
      cat /all/other; echo; cat /all/key; echo; cat /all/name; echo; test -s /all/token && echo token
      echo written >/scratch/file; cat /scratch/file; stat -f -c %T /memory; echo memory >/memory/file
      cat /host/given; echo from the pod >/host/made
      echo inner >/scratch/sub/file; cat /sub/file; echo expanded >/expanded/file; cat /scratch/volumes-x/file; cat /one/plain; echo
      touch /map/new 2>/dev/null || echo "the map is read-only"
      cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo
      echo "$PLAIN, $SECRET, $POD_NAME of $POD_NAMESPACE on $NODE, $CPU, $prefix_other, $COMPOSED, ${MISSING-unset}"; test -n "$POD_IP" && test -n "$KUBERNETES_SERVICE_HOST"
    env:
    - {name: PLAIN, valueFrom: {configMapKeyRef: {name: settings, key: plain}}}
    - {name: SECRET, valueFrom: {secretKeyRef: {name: keys, key: key}}}
    - {name: MISSING, valueFrom: {configMapKeyRef: {name: settings, key: not-there, optional: true}}}
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    - {name: COMPOSED, value: $(POD_NAME)-x}
    envFrom: [{prefix: prefix_, configMapRef: {name: settings}}]
    volumeMounts:
    - {name: map, mountPath: /map}
    - {name: secret, mountPath: /secret}
    - {name: optional, mountPath: /optional}
    - {name: down, mountPath: /down}
    - {name: all, mountPath: /all}
    - {name: scratch, mountPath: /scratch}
    - {name: memory, mountPath: /memory}
    - {name: host, mountPath: /host}
    - {name: scratch, mountPath: /sub, subPath: sub}
    - {name: scratch, mountPath: /expanded, subPathExpr: $(COMPOSED)}
    - {name: host, mountPath: /one/plain, subPath: given}`)
		Expect(t.succeeded("volumes")).To(Equal("from the map\n440\nfrom the secret\n400\n0\n" +
			"colour=\"green\"\n250\n" +
			"second\nfrom the secret\nvolumes\ntoken\n" +
			"written\ntmpfs\n" +
			"from the host\n" +
			"inner\nexpanded\nfrom the host\n\n" +
			"the map is read-only\n" +
			t.namespace + "\n" +
			"from the map, from the secret, volumes of " + t.namespace + " on eventrig, 250, second, volumes-x, unset\n"))
		Expect(os.ReadFile(filepath.Join(folder, "made"))).To(BeEquivalentTo("from the pod\n"))
	}, NodeTimeout(podTimeout))

	It("follow the objects they are made of", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(settings, `
apiVersion: v1
kind: Pod
metadata: {name: follower, annotations: {note: old}}
spec:
  restartPolicy: Never
  volumes:
  - {name: map, configMap: {name: settings}}
  - {name: secret, secret: {secretName: keys}}
  - {name: down, downwardAPI: {items: [{path: note, fieldRef: {fieldPath: "metadata.annotations['note']"}}]}}
  - {name: late, configMap: {name: late, optional: true}}
  containers:
  - name: main
    image: e2e.eventrig.dev/shell
    command: [sh, -c, "echo $(cat /map/plain), $(cat /secret/key), $(cat /down/note); until grep -q new /map/plain && grep -q new /secret/key && grep -q new /down/note && test -e /late/x; do sleep 0.05; done; cat /fixed"]
    volumeMounts: [{name: map, mountPath: /map}, {name: secret, mountPath: /secret}, {name: down, mountPath: /down}, {name: late, mountPath: /late}, {name: map, mountPath: /fixed, subPath: plain}]`, `
apiVersion: v1
kind: Pod
metadata: {name: early}
spec:
  restartPolicy: Never
  volumes: [{name: map, configMap: {name: late}}]
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: [cat, /map/x], volumeMounts: [{name: map, mountPath: /map}]}]`)
		t.logs("follower", "main", "from the map, from the secret, old\n")
		t.event("early", `configmap "late" not found`)
		t.apply(`
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {plain: new}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {key: new}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: late}
data: {x: it came at last}`)
		_, err := t.client.CoreV1().Pods(t.namespace).Patch(ctx, "follower", "application/merge-patch+json", []byte(`{"metadata":{"annotations":{"note":"new"}}}`), metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(t.succeeded("follower")).To(HaveSuffix("\nfrom the map\n"), "a subPath keeps what it was mounted with")
		Expect(t.succeeded("early")).To(Equal("it came at last\n"))
	}, NodeTimeout(podTimeout))

	It("claim storage of the default class, which outlives the pod", func(ctx SpecContext) {
		t := newTenant(ctx)
		using := func(name, command string) string {
			return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  restartPolicy: Never
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "` + command + `"], volumeMounts: [{name: data, mountPath: /data}]}]`
		}
		// The pod comes before its claim, as the order of a manifest's objects may have it.
		t.apply(using("writer", "echo kept >/data/file"), `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`)
		t.succeeded("writer")
		claim, err := t.client.CoreV1().PersistentVolumeClaims(t.namespace).Get(ctx, "data", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(claim.Status.Phase).To(Equal(corev1.ClaimBound))
		Expect(*claim.Spec.StorageClassName).To(Equal("standard"))
		Expect(claim.Status.Capacity.Storage().String()).To(Equal("1Gi"))
		t.apply(using("reader", "cat /data/file"))
		Expect(t.succeeded("reader")).To(Equal("kept\n"))
	}, NodeTimeout(podTimeout))
})
