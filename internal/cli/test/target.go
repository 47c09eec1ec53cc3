package test

import (
	"context"
	"fmt"
	"time"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/control"
)

// target is the rig that the scenarios run on: one of this run's own, or one that is up and is joined.
type target interface {
	Run(ctx context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result
	// About returns the versions of what runs and what ran otherwise than the manifests ask for.
	About(ctx context.Context) (versions map[string]string, notes []string, err error)
	Status() rig.Status
	// Failed is closed when a part of the rig has ended by itself; Err then says which.
	Failed() <-chan struct{}
	Err() error
	SaveArtifacts(folder string) error
	// Close takes down what this run made.
	Close() error
}

// ownRig is a rig that this process holds.
type ownRig struct{ *rig.Rig }

func (r ownRig) Run(ctx context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result {
	return scenario.Run(ctx, r.Rig, s, opts)
}

func (r ownRig) About(ctx context.Context) (map[string]string, []string, error) {
	return r.Versions(), r.Notes(ctx), nil
}

// noRig evaluates: there is nothing that could fail, or that is to be taken down.
type noRig struct{ *offline.Runner }

func withoutRig(options rig.Options) (target, error) {
	runner, err := offline.New(options)
	if err != nil {
		return nil, err
	}
	return noRig{runner}, nil
}

func (r noRig) About(context.Context) (map[string]string, []string, error) {
	return r.Versions(), r.Notes(), nil
}
func (r noRig) Status() rig.Status                { return rig.Status{Tier: offline.Tier} }
func (r noRig) Failed() <-chan struct{}           { return nil }
func (r noRig) Err() error                        { return nil }
func (r noRig) SaveArtifacts(folder string) error { return r.SaveLedger(folder) }
func (r noRig) Close() error                      { return nil }

// joinedRig is a rig that another process holds. What scenarios change in it they take back, and it stays up.
type joinedRig struct {
	*control.Client
	status rig.Status
}

func join(name string) (target, error) {
	status, err := rig.Find(name)
	if err != nil {
		return nil, err
	}
	client, err := control.Join(status.Folder)
	if err != nil {
		return nil, err
	}
	return joinedRig{client, status}, nil
}

func (r joinedRig) Run(ctx context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result {
	return r.Client.Run(ctx, s, r.status.Tier, opts)
}
func (r joinedRig) Status() rig.Status      { return r.status }
func (r joinedRig) Failed() <-chan struct{} { return nil } // a scenario meets it
func (r joinedRig) Err() error              { return nil }
func (r joinedRig) Close() error            { return nil }

func (r joinedRig) SaveArtifacts(folder string) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	err := r.Client.SaveArtifacts(ctx, folder)
	if err != nil && !rig.Alive(r.status.Folder) {
		err = rig.SaveArtifacts(r.status.Folder, folder) // what it had written when it went
	}
	if err != nil {
		return fmt.Errorf("save the logs of rig %s: %w", r.status.Name, err)
	}
	return nil
}

// saveTimeout bounds how long a joined rig may take to save its artifacts.
const saveTimeout = 2 * time.Minute
