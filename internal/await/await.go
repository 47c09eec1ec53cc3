// Package await waits until an object of an API server is as somebody wants it, by watching it.
package await

import (
	"context"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/klog/v2"
)

// Object returns an object once holds is true of it. One that is not there yet, or no more, is waited for. With the error,
// which is the reason for the context's end, it returns the object as it was last: the zero value where it was never there.
// client serves the object's group and version, and resource is in the plural, as in a URL.
func Object[T runtime.Object](ctx context.Context, client rest.Interface, resource, namespace, name string, holds func(T) bool) (last T, err error) {
	source := cache.NewListWatchFromClient(client, resource, namespace, fields.OneTermEqualSelector("metadata.name", name))
	// Whoever waits says what went wrong; what the watch tries again is nobody's business.
	quiet := klog.NewContext(ctx, logr.Discard())
	_, err = watchtools.UntilWithSync(quiet, source, *new(T), nil, func(event watch.Event) (bool, error) {
		object, right := event.Object.(T)
		if !right || event.Type == watch.Deleted {
			return false, nil
		}
		last = object
		return holds(object), nil
	})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return last, err
}
