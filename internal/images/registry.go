package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// PullRequest asks for an image of a registry. The credentials are those of the pod (imagePullSecrets); without any, those
// of the user's docker configuration count.
type PullRequest struct {
	Reference     string `json:"reference"`
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Auth          string `json:"auth,omitempty"`
	IdentityToken string `json:"identityToken,omitempty"`
	RegistryToken string `json:"registryToken,omitempty"`
}

// PullReply is the answer: an unpacked image, or why there is none.
type PullReply struct {
	Image       *Image `json:"image,omitempty"`
	Error       string `json:"error,omitempty"`
	Unreachable bool   `json:"unreachable,omitempty"` // the registry gave no answer; it may do so later
}

// Pull brings an image from its registry into the cache: unpacked, once for each content, for this machine's platform. A
// reference with a digest is held to it.
func (b *Builder) Pull(ctx context.Context, request PullRequest) (Image, error) {
	reference, err := name.ParseReference(request.Reference)
	if err != nil {
		return Image{}, fmt.Errorf("read the image reference: %w", err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH})}
	own := authn.AuthConfig{Username: request.Username, Password: request.Password, Auth: request.Auth, IdentityToken: request.IdentityToken, RegistryToken: request.RegistryToken}
	if own != (authn.AuthConfig{}) {
		options = append(options, remote.WithAuth(authn.FromConfig(own)))
	} else {
		options = append(options, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	}
	image, err := remote.Image(reference, options...)
	if err != nil {
		return Image{}, fmt.Errorf("pull %s: %w", reference, err)
	}
	pulled := Image{Repository: Repository(request.Reference), Env: []string{containerPath}, WorkDir: "/"}
	if err := b.take(ctx, image, reference.String(), &pulled); err != nil {
		return Image{}, fmt.Errorf("pull %s: %w", reference, err)
	}
	return pulled, nil
}

// Unreachable tells whether a pull failed because the registry gave no answer at all.
func Unreachable(err error) bool {
	var answered *transport.Error
	var network net.Error
	return !errors.As(err, &answered) && errors.As(err, &network)
}

// PulledFrom is where the image of a pod's reference is pulled from: the mapping's source, with the tag or digest of the
// pod's reference where the source has none of its own.
func (i Image) PulledFrom(reference string) string {
	if Repository(i.Source) != Normalise(i.Source) {
		return i.Source
	}
	return i.Source + strings.TrimPrefix(Normalise(reference), Repository(reference))
}

// ServePulls pulls for a node, which has no network to the outside: it asks on a Unix socket in the folder, which is named in
// the catalogue. Without an image of a registry in the catalogue nothing is served. The returned function ends it.
func (c *Catalogue) ServePulls(b *Builder, folder string) (func() error, error) {
	needed := false
	for _, image := range c.Images {
		needed = needed || image.Kind == KindRegistry
	}
	if !needed {
		return func() error { return nil }, nil
	}
	const file = "images.sock"
	listener, err := listenIn(folder, file)
	if err != nil {
		return nil, fmt.Errorf("listen for the node's image pulls: %w", err)
	}
	c.Puller = filepath.Join(folder, file)
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx }, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request PullRequest
		reply := PullReply{}
		err := json.NewDecoder(r.Body).Decode(&request)
		if err == nil {
			var image Image
			if image, err = b.Pull(r.Context(), request); err == nil {
				reply.Image = &image
			}
		}
		if err != nil {
			reply.Error, reply.Unreachable = err.Error(), Unreachable(err)
		}
		_ = json.NewEncoder(w).Encode(reply) // a node that is gone needs no answer
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return func() error {
		cancel()
		return server.Close()
	}, nil
}

// listenIn listens on a Unix socket in a folder whose path may be too long for an address of one.
func listenIn(folder, file string) (net.Listener, error) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	listener, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), file))
	if err != nil {
		return nil, err
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // its name means nothing any more; it goes with the folder
	return listener, nil
}
