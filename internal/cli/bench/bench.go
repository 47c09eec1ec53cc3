// Package bench holds `eventrig bench`: figures of the rig as JSON.
package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/cli/talk"
)

// Result is the JSON that `eventrig bench boot` prints.
type Result struct {
	Name         string                    `json:"name"`
	Machine      Machine                   `json:"machine"`
	Bus          string                    `json:"bus"`
	Phases       []rig.Phase               `json:"phases"`
	ReadySeconds float64                   `json:"readySeconds"`
	PeakPSSBytes int64                     `json:"peakPSSBytes"`
	Latencies    map[string]rig.Percentile `json:"latencies"`
	Versions     map[string]string         `json:"versions"`
	TotalSeconds float64                   `json:"totalSeconds"` // with the messages and the teardown
}

// Machine says where the figures were taken.
type Machine struct {
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	User  int    `json:"uid"`
}

// New makes the command.
func New() *cobra.Command {
	command := &cobra.Command{
		Use:     "bench",
		Short:   "Measure the rig: boot, latency, memory, as JSON",
		Example: "  eventrig bench boot --bus jetstream | jq .readySeconds",
	}
	command.AddCommand(boot())
	return command
}

func boot() *cobra.Command {
	var options rig.Options
	var messages int
	var timeout time.Duration
	command := &cobra.Command{
		Use:     "boot",
		Short:   "Boot a rig, send it notifications, take it down; print the time of each phase",
		Example: "  eventrig bench boot --messages 20",
		Args:    cobra.NoArgs,
	}
	lifecycle.Flags(command, &options)
	command.Flags().IntVar(&messages, "messages", 10, "notifications for the latency figures, one after the other")
	command.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "give up after this time; building what is missing does not count")
	command.RunE = func(command *cobra.Command, _ []string) (err error) {
		options.SampleMemory = true
		options.Progress = talk.New(command.ErrOrStderr()).Phase
		if options.Artifacts, err = rig.FailedFolder(); err != nil {
			return err
		}
		began := time.Now()
		prepared, err := rig.Prepare(command.Context(), options)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(command.Context(), timeout)
		defer cancel()
		r, err := prepared.Start(ctx)
		if err != nil {
			return err
		}
		closed := false
		defer func() {
			if !closed {
				_ = r.Close() // the first error matters more
			}
		}()
		result := Result{
			Name: "boot", Bus: cmp.Or(options.Bus, rig.BusSTAN), Versions: r.Versions(), ReadySeconds: r.ReadySeconds(),
			Machine:   Machine{Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, User: os.Getuid()},
			Latencies: map[string]rig.Percentile{},
		}
		if messages > 0 {
			if result.Latencies, err = r.MeasureLatencies(ctx, messages); err != nil {
				return err
			}
		}
		if result.PeakPSSBytes, err = r.PeakMemoryBytes(); err != nil {
			return err
		}
		result.Phases = r.Phases()
		slices.SortFunc(result.Phases, func(a, b rig.Phase) int { return cmp.Compare(a.Start, b.Start) })
		closed = true
		if err := r.Close(); err != nil {
			return fmt.Errorf("take the rig down: %w", err)
		}
		result.TotalSeconds = time.Since(began).Seconds()
		encoder := json.NewEncoder(command.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(result)
	}
	return command
}
