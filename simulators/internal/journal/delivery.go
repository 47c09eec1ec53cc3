package journal

import (
	"context"
	"net/http"
	"time"
)

// pace is how often a slow body gets its next piece, unless single bytes come less often.
const pace = 50 * time.Millisecond

// delivery is how an answer's body is sent: at once, unless something is set.
type delivery struct {
	bytesPerSecond float64 // 0: without limit
	truncate       bool
	after          int // bytes that are sent before the connection is closed, when truncate is set
}

// Slow sends the body of the answer to the request that ctx belongs to at so many bytes a second, in pieces.
func Slow(ctx context.Context, bytesPerSecond float64) {
	of(ctx, func(r *recording) { r.delivery.bytesPerSecond = bytesPerSecond })
}

// Truncate ends the answer to the request that ctx belongs to after so many bytes of its body, by closing the connection;
// its Content-Length still says how long the whole would have been. An answer that is not longer is sent whole.
func Truncate(ctx context.Context, after int) {
	of(ctx, func(r *recording) { r.delivery.truncate, r.delivery.after = true, after })
}

func (d delivery) send(ctx context.Context, w http.ResponseWriter, body []byte) {
	cut := d.truncate && d.after < len(body)
	if cut {
		body = body[:d.after]
	}
	if d.bytesPerSecond > 0 {
		trickle(ctx, w, body, d.bytesPerSecond)
	} else {
		_, _ = w.Write(body) // only the client's going away can fail it
	}
	if cut {
		_ = http.NewResponseController(w).Flush() // as above
		panic(http.ErrAbortHandler)
	}
}

// trickle sends a body at a rate, until the client goes away.
func trickle(ctx context.Context, w http.ResponseWriter, body []byte, bytesPerSecond float64) {
	piece := max(1, int(bytesPerSecond*pace.Seconds()))
	interval := time.Duration(float64(piece) / bytesPerSecond * float64(time.Second))
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	controller := http.NewResponseController(w)
	_ = controller.Flush() // the status and the headers come at once; only the client's going away can fail it
	for len(body) > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		n := min(piece, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		if err := controller.Flush(); err != nil {
			return
		}
		body = body[n:]
	}
}
