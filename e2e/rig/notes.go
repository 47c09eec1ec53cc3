package rig

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// nodeComponent is the source of the Events in which the node tells what a pod got otherwise than it asked for.
const nodeComponent = "eventrig-node"

// argosDeployments are those of Argo's own manifests, as namespace/name. What their pods get otherwise than they ask for is the
// rig's affair: no manifest under test asked for it.
func (r *Rig) argosDeployments() ([]string, error) {
	upstream, err := r.upstream()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, object := range upstream {
		if object.GetKind() == "Deployment" {
			names = append(names, object.GetNamespace()+"/"+object.GetName())
		}
	}
	return names, nil
}

// madeByOneOf tells a Deployment's pods by their name, because they may be gone: NAME-HASH-RANDOM.
func madeByOneOf(deployments []string, pod corev1.ObjectReference) bool {
	parts := strings.Split(pod.Namespace+"/"+pod.Name, "-")
	return len(parts) > 2 && slices.Contains(deployments, strings.Join(parts[:len(parts)-2], "-"))
}

// Notes say what runs otherwise in this rig than the manifests ask for, because of where the rig runs. They belong into
// every verdict: a pod that got another user than it asked for proves nothing about that user's rights.
func (r *Rig) Notes(ctx context.Context) []string {
	notes := slices.Concat([]string{}, r.manifests.notes)
	if r.sandbox.MappedIDs() == 1 {
		notes = append(notes, fmt.Sprintf("no subordinate ids: pods run as the mapped user (uid %d)", os.Geteuid()))
	}
	ctx, cancel := context.WithTimeout(ctx, troubleTimeout)
	defer cancel()
	events, err := r.client.CoreV1().Events("").List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("source", nodeComponent).String(),
	})
	if err != nil {
		return append(notes, fmt.Sprintf("what pods got otherwise than they asked for could not be listed: %v", err))
	}
	// Many pods of one workflow say the same.
	pods := map[string][]string{}
	argos, err := r.argosDeployments()
	if err != nil {
		return append(notes, fmt.Sprintf("what pods got otherwise than they asked for could not be told apart: %v", err))
	}
	for _, event := range events.Items {
		if madeByOneOf(argos, event.InvolvedObject) {
			continue
		}
		pod := event.InvolvedObject.Namespace + "/" + event.InvolvedObject.Name
		if !slices.Contains(pods[event.Message], pod) {
			pods[event.Message] = append(pods[event.Message], pod)
		}
	}
	var differences []string
	for message, which := range pods {
		slices.Sort(which)
		text := "pod " + which[0]
		if more := len(which) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		differences = append(differences, text+", "+message)
	}
	slices.Sort(differences)
	return append(notes, differences...)
}
