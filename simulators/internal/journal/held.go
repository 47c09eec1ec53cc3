package journal

import (
	"bytes"
	"net/http"
	"strconv"
)

// dropped is the status of a response that is never sent.
const dropped = -1

// heldResponse keeps a response until it is released.
type heldResponse struct {
	header http.Header
	status int
	body   *bytes.Buffer
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

// code is the status that is sent; 0 when none is.
func (h *heldResponse) code() int {
	switch h.status {
	case dropped:
		return 0
	case 0:
		return http.StatusOK
	}
	return h.status
}

// release sends the response. The client may be gone; its answer is in the journal.
func (h *heldResponse) release(w http.ResponseWriter, r *http.Request, how delivery) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	body := h.body.Bytes()
	if h.code() == http.StatusNoContent || h.code() == http.StatusNotModified || h.code() < http.StatusOK {
		body = nil
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(h.code())
	if r.Method == http.MethodHead {
		return
	}
	how.send(r.Context(), w, body)
}
