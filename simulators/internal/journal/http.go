package journal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// maxBody bounds what a request may send; the largest that a handler sends is a few kilobytes.
const maxBody = 32 << 20

type contextKey struct{}

// Record adds a change to the entry of the request that ctx belongs to. Without one it does nothing, so that a store
// may be changed from Go as well.
func Record(ctx context.Context, change Change) {
	if entry, ok := ctx.Value(contextKey{}).(*Entry); ok {
		entry.Changes = append(entry.Changes, change)
	}
}

// Note adds a remark to the entry of the request that ctx belongs to.
func Note(ctx context.Context, text string) {
	if entry, ok := ctx.Value(contextKey{}).(*Entry); ok {
		entry.Notes = append(entry.Notes, text)
	}
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	if entry, ok := ctx.Value(contextKey{}).(*Entry); ok {
		return entry.RequestID
	}
	return ""
}

// Handler journals every request to next. The answer is held back until the entry is written.
func Handler(j *Journal, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entry := &Entry{
			Time: time.Now(), RequestID: uuid.NewString(), Source: r.RemoteAddr,
			Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		}
		j.begin(entry)
		held := &heldResponse{header: http.Header{}}
		finished := false
		defer func() {
			// A handler that drops the connection panics with http.ErrAbortHandler: that is an entry, too.
			if !finished {
				entry.Duration = time.Since(entry.Time)
				j.end(entry)
			}
		}()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		entry.RequestBody = string(body)
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			http.Error(held, "request body too large", http.StatusRequestEntityTooLarge)
		case err != nil:
			Note(context.WithValue(r.Context(), contextKey{}, entry), "the request's body could not be read: "+err.Error())
			http.Error(held, "incomplete request body", http.StatusBadRequest)
		default:
			r = r.WithContext(context.WithValue(r.Context(), contextKey{}, entry))
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(held, r)
		}
		entry.Status = held.code()
		entry.ResponseBody = held.body.String()
		entry.Duration = time.Since(entry.Time)
		finished = true
		j.end(entry)
		held.release(w)
	})
}

// heldResponse keeps a response until it is released.
type heldResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldResponse) Header() http.Header { return h.header }

func (h *heldResponse) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *heldResponse) Write(data []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(data)
}

func (h *heldResponse) code() int {
	if h.status == 0 {
		return http.StatusOK
	}
	return h.status
}

func (h *heldResponse) release(w http.ResponseWriter) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	w.WriteHeader(h.code())
	if h.code() != http.StatusNoContent {
		_, _ = w.Write(h.body.Bytes()) // the client may be gone; its answer is in the journal
	}
}
