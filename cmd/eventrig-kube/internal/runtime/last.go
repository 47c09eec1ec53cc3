package runtime

import (
	"slices"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// patience bounds how long a container that starts last waits for others of its pod: they may have failed to start.
const patience = time.Second

// startsLast says whether a container is to wait for another one of its pod: its image names it, and no other one runs yet.
func (r *Runtime) startsLast(c *container) bool {
	return slices.Contains(c.image.image.Last, c.config.GetMetadata().GetName()) &&
		!slices.ContainsFunc(r.containersOf(c.sandbox.id), (*container).running)
}

// startLater starts a container once another one of its pod runs. To the kubelet it runs from now on, so that the kubelet
// goes on to start the others; a command that cannot be started then ends as one that failed at once.
func (r *Runtime) startLater(c *container) {
	c.mu.Lock()
	c.started, c.state = time.Now(), cri.ContainerState_CONTAINER_RUNNING
	c.mu.Unlock()
	go func() {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-c.released:
		case <-timer.C:
		case <-r.ctx.Done():
		}
		if err := r.start(c); err != nil {
			r.running.Done()
			r.exit(c, startFailed, "StartError", err.Error())
		}
	}()
}

// releaseOthers lets those containers of the pod start that waited for this one.
func (r *Runtime) releaseOthers(c *container) {
	for _, other := range r.containersOf(c.sandbox.id) {
		if other != c {
			other.release()
		}
	}
}

// waits says whether a container has still to start although the kubelet thinks that it runs.
func (c *container) waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cmd == nil && c.state == cri.ContainerState_CONTAINER_RUNNING
}

// release ends the wait of a container that starts last, if it is one.
func (c *container) release() { c.releasing.Do(func() { close(c.released) }) }
