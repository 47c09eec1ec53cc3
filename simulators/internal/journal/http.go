package journal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// maxBody bounds what a request may send; the largest that a handler sends is a few kilobytes.
const maxBody = 32 << 20

type contextKey struct{}

// recording is an entry in the making. A simulator may still hold the request's context when the answer is gone, for
// what it does in the background; what it records then belongs to no request and is not taken.
type recording struct {
	arrival Entry // what is known when a request comes; never changed
	limit   int   // of a body
	body    []byte
	held    heldResponse

	mu       sync.Mutex
	entry    Entry
	delivery delivery
	finished bool
}

func (r *recording) change(do func(*recording)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.finished {
		do(r)
	}
}

// of changes the recording of the request that ctx belongs to. Without one it does nothing, so that a store may be changed
// from Go as well.
func of(ctx context.Context, do func(*recording)) {
	if r, ok := ctx.Value(contextKey{}).(*recording); ok {
		r.change(do)
	}
}

// Record adds a change to the entry of the request that ctx belongs to.
func Record(ctx context.Context, change Change) {
	of(ctx, func(r *recording) { r.entry.Changes = append(r.entry.Changes, change) })
}

// Note adds a remark to the entry of the request that ctx belongs to.
func Note(ctx context.Context, text string) {
	of(ctx, func(r *recording) { r.entry.Notes = append(r.entry.Notes, text) })
}

// Who says whose the request is that ctx belongs to: a user, a project, a token's description. Without it the entry has
// what the request's headers tell.
func Who(ctx context.Context, name string) {
	of(ctx, func(r *recording) { r.entry.Who = name })
}

// NoRoute says that the request that ctx belongs to matched no route, and which came closest.
func NoRoute(ctx context.Context, closest Closest) {
	of(ctx, func(r *recording) { r.entry.Closest = &closest })
}

// Fault says which fault rule hit the request that ctx belongs to.
func Fault(ctx context.Context, id string) {
	of(ctx, func(r *recording) { r.entry.Fault = id })
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) (id string) {
	if r, ok := ctx.Value(contextKey{}).(*recording); ok {
		return r.arrival.RequestID
	}
	return ""
}

// Handler journals every request to next. The answer is held back until the entry is written.
func Handler(j *Journal, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recording := &recording{arrival: Entry{
			Time: time.Now(), RequestID: uuid.NewString(), Source: r.RemoteAddr, Who: whoOf(r.Header),
			Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		}}
		recording.entry = recording.arrival
		held := &recording.held
		held.header = http.Header{}
		held.body = buffers.Get().(*bytes.Buffer)
		defer func() {
			held.body.Reset()
			if held.body.Cap() <= 1<<20 {
				buffers.Put(held.body)
			}
		}()
		j.begin(recording)
		answered := false
		defer func() {
			// A handler that drops the connection panics with http.ErrAbortHandler: that is an entry, too.
			if !answered {
				held.status = dropped
				j.end(recording)
			}
		}()
		ctx := context.WithValue(r.Context(), contextKey{}, recording)
		if serve := recording.read(ctx, w, r); serve {
			r = r.WithContext(ctx)
			r.Body = io.NopCloser(bytes.NewReader(recording.body))
			next.ServeHTTP(held, r)
		}
		answered = true
		j.end(recording)
		held.release(w, r, recording.delivery)
	})
}

// buffers are those that answers are held in.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// read reads the request's body; where that fails it answers, and the request is not to be served.
func (r *recording) read(ctx context.Context, w http.ResponseWriter, request *http.Request) (serve bool) {
	if request.Body == nil || request.Body == http.NoBody {
		return true
	}
	var err error
	r.body, err = io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(&r.held, "request body too large", http.StatusRequestEntityTooLarge)
	case err != nil:
		Note(ctx, "the request's body could not be read: "+err.Error())
		http.Error(&r.held, "incomplete request body", http.StatusBadRequest)
	}
	return err == nil
}

// finish makes the entry; the recording takes nothing any more.
func (r *recording) finish() *Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished = true
	entry := r.entry
	entry.Duration = time.Since(entry.Time)
	entry.RequestBytes, entry.RequestBody = len(r.body), string(r.body[:min(len(r.body), r.limit)])
	if entry.Status = r.held.code(); entry.Status != 0 {
		answer := r.held.body.Bytes()
		entry.ResponseBytes, entry.ResponseBody = len(answer), string(answer[:min(len(answer), r.limit)])
	}
	return &entry
}
