package observe

import (
	"fmt"
	"testing"

	"github.com/eventrig/eventrig/internal/ledger"
)

// What one more message costs an observer that has seen many: the figures of the sub-benchmarks are to be alike.
func BenchmarkMessage(b *testing.B) {
	for _, before := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("after=%d", before), func(b *testing.B) {
			w := newWorld(b)
			w.record = func(ledger.Record) {}
			one := func(n int) {
				key, event := fmt.Sprintf("m%d", n), fmt.Sprintf("e%d", n)
				w.publish(key)
				w.arrives(event, key, key, n)
				w.sweep()
				w.says(sensorTriggered, n+1, "", event)
				w.sweep()
				w.workflow(fmt.Sprintf("w%d", n), key, "Running", n)
				w.sweep()
				w.workflow(fmt.Sprintf("w%d", n), key, "Succeeded", n)
				w.sweep()
				if open := w.open([]string{key}); open != "" {
					b.Fatal(open)
				}
			}
			for n := range before {
				one(n)
			}
			b.ResetTimer()
			for n := range b.N {
				one(before + n)
			}
		})
	}
}
