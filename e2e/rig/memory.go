package rig

import "time"

// memorySamples is how often a rig that is measured looks at its memory. A look walks the page tables of everything
// inside, which costs a few hundredths of a second, so that only a measured rig takes them.
const memorySamples = time.Second

// sampleMemory takes samples of the memory in use until the rig is closed, so that PeakMemoryBytes knows of the boot too.
func (r *Rig) sampleMemory() {
	if !r.options.SampleMemory {
		return
	}
	inside := r.sandbox
	go func() {
		ticker := time.NewTicker(memorySamples)
		defer ticker.Stop()
		for {
			select {
			case <-inside.Done():
				return
			case <-ticker.C:
				_, _ = inside.PSS() // PeakMemoryBytes asks once more and reports what is wrong
			}
		}
	}()
}
