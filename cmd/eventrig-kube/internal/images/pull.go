package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// Credentials are what a pod brings for a registry (imagePullSecrets).
type Credentials struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Auth          string `json:"auth,omitempty"`
	IdentityToken string `json:"identityToken,omitempty"`
	RegistryToken string `json:"registryToken,omitempty"`
}

// PullError says why there is no image. Unreachable means that the registry gave no answer.
type PullError struct {
	Message     string
	Unreachable bool
}

// Error is the puller's own message.
func (e *PullError) Error() string { return e.Message }

// Pull has eventrig pull an image of a registry and returns it unpacked. What the mapping says of it besides stays.
func (c *Catalogue) Pull(ctx context.Context, image Image, reference string, credentials Credentials) (Image, error) {
	body, err := json.Marshal(struct {
		Reference string `json:"reference"`
		Credentials
	}{image.pulledFrom(reference), credentials})
	if err != nil {
		return Image{}, fmt.Errorf("pull image %s: %w", reference, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://puller/", bytes.NewReader(body))
	if err != nil {
		return Image{}, fmt.Errorf("pull image %s: %w", reference, err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: c.dialPuller, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return Image{}, fmt.Errorf("pull image %s: ask eventrig for it: %w", reference, err)
	}
	defer response.Body.Close()
	var reply struct {
		Image       *Image `json:"image"`
		Error       string `json:"error"`
		Unreachable bool   `json:"unreachable"`
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return Image{}, fmt.Errorf("pull image %s: read eventrig's answer: %w", reference, err)
	}
	if reply.Image == nil {
		return Image{}, &PullError{Message: fmt.Sprintf("image %s: %s", reference, reply.Error), Unreachable: reply.Unreachable}
	}
	pulled := *reply.Image
	pulled.Repository, pulled.Reference, pulled.Hint, pulled.Source = image.Repository, image.Reference, image.Hint, image.Source
	return pulled, nil
}

// pulledFrom is the mapping's source, with the tag or digest of the pod's reference where the source has none of its own.
func (i Image) pulledFrom(reference string) string {
	if Repository(i.Source) != i.Source {
		return i.Source
	}
	return i.Source + strings.TrimPrefix(reference, Repository(reference))
}

// dialPuller reaches the socket through its folder: the path of a Unix socket must be short, and this one's may not be.
func (c *Catalogue) dialPuller(ctx context.Context, _, _ string) (net.Conn, error) {
	dir, err := os.Open(filepath.Dir(c.Puller))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(c.Puller)))
}
