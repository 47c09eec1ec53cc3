package rig

import (
	"context"
	"fmt"
	"os"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// nodeComponent is the source of the Events in which the node tells what a pod got otherwise than it asked for.
const nodeComponent = "eventrig-node"

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
	for _, event := range events.Items {
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
