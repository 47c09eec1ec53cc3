package await

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// server answers as an API server whose node becomes ready after the list.
func server(t *testing.T, become ...string) kubernetes.Interface {
	t.Helper()
	node := func(class string) corev1.Node {
		return corev1.Node{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}, ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "uid", ResourceVersion: "1"}, Spec: corev1.NodeSpec{ProviderID: class}}
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("fieldSelector"); got != "metadata.name=a" {
			t.Errorf("fieldSelector %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("sendInitialEvents") != "" {
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`, http.StatusUnprocessableEntity)
			return
		}
		if r.URL.Query().Get("watch") == "" {
			_ = json.NewEncoder(w).Encode(corev1.NodeList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "NodeList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: []corev1.Node{node("new")}})
			return
		}
		for _, class := range become {
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": node(class)})
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestObjectIsReturnedOnceItIsAsWanted(t *testing.T) {
	client := server(t, "starting", "ready")
	got, err := Object(t.Context(), client.CoreV1().RESTClient(), "nodes", "", "a", func(node *corev1.Node) bool { return node.Spec.ProviderID == "ready" })
	if err != nil || got.Spec.ProviderID != "ready" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTheErrorIsTheReasonAndComesWithTheLastState(t *testing.T) {
	client := server(t, "starting")
	ctx, cancel := context.WithCancelCause(t.Context())
	lost := errors.New("the node is lost")
	got, err := Object(ctx, client.CoreV1().RESTClient(), "nodes", "", "a", func(node *corev1.Node) bool {
		if node.Spec.ProviderID == "starting" {
			time.AfterFunc(time.Millisecond, func() { cancel(lost) })
		}
		return false
	})
	if !errors.Is(err, lost) || got == nil || got.Spec.ProviderID != "starting" {
		t.Errorf("got %v, %v", got, err)
	}
}
