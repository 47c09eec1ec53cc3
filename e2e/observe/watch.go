package observe

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// watched is one kind of object and who takes its changes. The state is the cache; an informer would hold a second one.
type watched struct {
	gvr      schema.GroupVersionResource
	selector string
	set      func(obj *unstructured.Unstructured, gone bool)
	known    map[types.UID]*unstructured.Unstructured
}

// watch lists and watches one kind until the observer is closed. synced gets the outcome of the first list.
func (o *Observer) watch(w *watched, synced chan<- error) {
	defer o.wg.Done()
	w.known = map[types.UID]*unstructured.Unstructured{}
	retry := time.NewTicker(500 * time.Millisecond)
	defer retry.Stop()
	for first := true; o.ctx.Err() == nil; first = false {
		version, err := o.list(w)
		if first {
			synced <- err
			if err != nil {
				return
			}
		}
		if err == nil {
			err = o.stream(w, version)
		}
		if err != nil && o.ctx.Err() == nil {
			o.cfg.Log("watch %s: %v", w.gvr.Resource, err)
		}
		select {
		case <-o.ctx.Done():
		case <-retry.C:
		}
	}
}

func (o *Observer) list(w *watched) (version string, err error) {
	list, err := o.cfg.Dynamic.Resource(w.gvr).List(o.ctx, metav1.ListOptions{LabelSelector: w.selector})
	if err != nil {
		return "", fmt.Errorf("list %s: %w", w.gvr.Resource, err)
	}
	there := map[types.UID]bool{}
	for i := range list.Items {
		there[list.Items[i].GetUID()] = true
		o.take(w, &list.Items[i], false)
	}
	for uid, obj := range w.known {
		if !there[uid] {
			o.take(w, obj, true)
		}
	}
	return list.GetResourceVersion(), nil
}

// stream takes changes until the watch ends, as the API server lets it do every few minutes.
func (o *Observer) stream(w *watched, version string) error {
	watcher, err := o.cfg.Dynamic.Resource(w.gvr).Watch(o.ctx, metav1.ListOptions{LabelSelector: w.selector, ResourceVersion: version, AllowWatchBookmarks: true})
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.gvr.Resource, err)
	}
	defer watcher.Stop()
	for {
		select {
		case <-o.ctx.Done():
			return nil
		case event, ok := <-watcher.ResultChan():
			if !ok || event.Type == watch.Error {
				return nil // listed anew, so an expired version does not matter
			}
			if obj, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != watch.Bookmark {
				o.take(w, obj, event.Type == watch.Deleted)
			}
		}
	}
}

func (o *Observer) take(w *watched, obj *unstructured.Unstructured, gone bool) {
	if gone {
		delete(w.known, obj.GetUID())
	} else {
		w.known[obj.GetUID()] = obj
	}
	o.mu.Lock()
	w.set(obj, gone)
	o.mu.Unlock()
	o.touch()
}
