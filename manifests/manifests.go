// Package manifests holds the manifests that eventrig brings along, embedded in the binary so that `eventrig test` works
// from any folder: the changes to Argo's install manifests, the event buses, and UnderStack's pipelines.
//
// In: nothing. Out: FS, with a kustomization.yaml in every folder, to be loaded by internal/pipeline. Credentials are
// not in here: a rig makes them when it starts (README.md lists their names and keys).
package manifests

import "embed"

// FS holds the folders argo-events, argo-workflows, eventbus/{stan,jetstream,jetstream-exotic} and understack, of which
// understack/subsets/keystone-project is what a rig runs by default.
//
//go:embed README.md argo-events argo-workflows eventbus understack
var FS embed.FS
