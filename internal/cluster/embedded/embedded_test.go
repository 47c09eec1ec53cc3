package embedded_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// programs returns the folder with eventrig's own programs, which `make build` fills and `make test` names.
func programs(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("EVENTRIG_BIN")
	if folder == "" {
		t.Skip("EVENTRIG_BIN is not set: run make test, or make build and EVENTRIG_BIN=$PWD/bin go test")
	}
	return folder
}

func TestControlPlaneAnswersInsideAndOutsideTheSandbox(t *testing.T) {
	bin := programs(t)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := embedded.Tmpfs(dir)
	inside, err := sandbox.Start(ctx, sandbox.Config{
		Dir: dir, Supervisor: filepath.Join(bin, "eventrig-sandbox"), Log: filepath.Join(dir, "sandbox.log"),
		Tmpfs: []string{run}, Addresses: embedded.LoopbackAddresses(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	began := time.Now()
	cluster, err := embedded.Start(ctx, inside, embedded.Config{Dir: dir, Run: run, Binaries: embedded.Binaries{Kube: filepath.Join(bin, "eventrig-kube")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("API server ready after %s", time.Since(began))

	host, stop, err := inside.Forward(cluster.APIAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if address, _, _ := net.SplitHostPort(host); address != "127.0.0.1" {
		t.Errorf("the API server is forwarded to %s, want loopback only", host)
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, host); err != nil {
		t.Fatal(err)
	}
	outside, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(outside)
	if err != nil {
		t.Fatal(err)
	}
	// The controller manager is up once it has made the ServiceAccount of the default namespace.
	watcher, err := client.CoreV1().ServiceAccounts("default").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	select {
	case <-watcher.ResultChan():
		t.Logf("default ServiceAccount after %s", time.Since(began))
	case <-cluster.Failed():
		t.Fatal(cluster.Err())
	case <-ctx.Done():
		t.Fatal("no ServiceAccount in the default namespace")
	}
}
