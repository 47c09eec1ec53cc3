package rig

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/images"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// programs are what a rig runs, as host paths, and what stands behind the images of its pods.
type programs struct {
	kube, shim, supervisor string
	catalogue              images.Catalogue
}

// findPrograms finds or builds everything that the rig runs. What is in the cache costs nothing.
func (r *Rig) findPrograms(ctx context.Context) (_ programs, err error) {
	defer r.watch.phase("programs")(&err)
	builder := &images.Builder{Log: r.options.Log}
	var found programs
	var components images.Components
	// One after the other where compilers would run side by side: two big links at once need more memory than time is won.
	steps := []func() error{
		func() (err error) { found.kube, found.shim, err = builder.Kube(ctx); return },
		func() (err error) { found.supervisor, err = builder.Sandbox(ctx); return },
		func() (err error) { components.Handlers, err = builder.Handlers(ctx); return },
		func() (err error) {
			components.ArgoEvents, err = binary(builder.ArgoEvents(ctx, r.options.ArgoEvents))("argo-events")
			return
		},
		func() error {
			folder, err := builder.ArgoWorkflows(ctx, r.options.ArgoWorkflows)
			components.WorkflowController, components.ArgoExec = filepath.Join(folder, "workflow-controller"), filepath.Join(folder, "argoexec")
			return err
		},
		func() (err error) {
			if submits(r.manifests.graph) {
				components.ArgoCLI, err = binary(builder.ArgoCLI(ctx, r.options.ArgoWorkflows))("argo")
			}
			return
		},
		// What installs them too: a version that cannot be had is found before anything runs.
		func() (err error) {
			_, err = builder.ModuleManifests(ctx, images.ModuleArgoEvents, r.options.ArgoEvents)
			return
		},
		func() (err error) {
			_, err = builder.ModuleManifests(ctx, images.ModuleArgoWorkflows, r.options.ArgoWorkflows)
			return
		},
		func() (err error) {
			if r.options.Bus == BusSTAN {
				r.versions["nats-streaming"] = images.DefaultNATSStreaming
				components.NATSStreaming, err = binary(builder.NATSStreaming(ctx, images.DefaultNATSStreaming))("nats-streaming-server")
				return
			}
			r.versions["nats"] = images.DefaultNATS
			components.NATSServer, err = binary(builder.NATS(ctx, images.DefaultNATS))("nats-server")
			return
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return programs{}, err
		}
	}
	found.catalogue = images.DefaultCatalogue(components)
	for _, mapping := range r.options.Images {
		if err := found.catalogue.Map(mapping); err != nil {
			return programs{}, fmt.Errorf("read --image: %w", err)
		}
	}
	r.versions["argo-events"], r.versions["argo-workflows"] = r.options.ArgoEvents, r.options.ArgoWorkflows
	return found, nil
}

// submits reports whether a Sensor executes the argo command line: it does for its argoWorkflow triggers.
func submits(graph *pipeline.Graph) bool {
	return slices.ContainsFunc(graph.Sensors(), func(sensor pipeline.Sensor) bool {
		return slices.ContainsFunc(sensor.Typed.Spec.Triggers, func(trigger aev1.Trigger) bool {
			return trigger.Template != nil && trigger.Template.ArgoWorkflow != nil
		})
	})
}

// binary names one program in a folder of built ones.
func binary(folder string, err error) func(name string) (string, error) {
	return func(name string) (string, error) { return filepath.Join(folder, name), err }
}
