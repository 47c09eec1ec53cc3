package runtime

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	crierrors "k8s.io/cri-api/pkg/errors"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
)

// pulledImage is an image that the kubelet has asked for under a reference.
type pulledImage struct {
	reference string
	image     images.Image
}

func (p pulledImage) describe(id string) *cri.Image {
	image := &cri.Image{Id: id, RepoTags: []string{p.reference}, Size: 1, Spec: &cri.ImageSpec{Image: p.reference, UserSpecifiedImage: p.reference}}
	image.RepoDigests = []string{p.digest(id)}
	if strings.Contains(p.reference, "@") {
		image.RepoTags, image.RepoDigests = nil, []string{p.reference}
	}
	user, _, _ := strings.Cut(p.image.User, ":")
	if uid, err := strconv.ParseInt(user, 10, 64); err == nil {
		image.Uid = &cri.Int64Value{Value: uid}
	} else {
		image.Username = user // the kubelet refuses a name under runAsNonRoot, as it does for a real image
	}
	if user == "" {
		image.Uid = &cri.Int64Value{Value: 0}
	}
	return image
}

// digest is what `kubectl get pod` shows as the image's id: the digest of the image that a root file system was unpacked
// from, and for other kinds an id of ours.
func (p pulledImage) digest(id string) string {
	if p.image.Digest != "" {
		id = p.image.Digest
	}
	return images.Repository(p.reference) + "@" + id
}

// lookup finds an image by reference or by the id that PullImage returned.
func (r *Runtime) lookup(reference string) (string, pulledImage, error) {
	r.mu.Lock()
	known, ok := r.pulled[reference]
	r.mu.Unlock()
	if ok {
		return reference, known, nil
	}
	image, err := r.config.Images.Resolve(reference)
	if err != nil {
		return "", pulledImage{}, err
	}
	if image.Kind == images.Registry {
		r.mu.Lock()
		id, fetched := r.fetched[reference]
		known := r.pulled[id]
		r.mu.Unlock()
		if !fetched {
			return "", pulledImage{reference: reference, image: image}, errNotPulled
		}
		return id, known, nil
	}
	return images.ID(reference, image), pulledImage{reference: reference, image: image}, nil
}

// errNotPulled says that an image is to be had, from its registry.
var errNotPulled = errors.New("the image has not been pulled from its registry yet")

// fetch pulls an image from its registry, also one that was pulled before: its tag may mean another one now.
func (r *Runtime) fetch(ctx context.Context, mapping pulledImage, auth *cri.AuthConfig) (string, pulledImage, error) {
	image, err := r.config.Images.Pull(ctx, mapping.image, mapping.reference, images.Credentials{Username: auth.GetUsername(), Password: auth.GetPassword(),
		Auth: auth.GetAuth(), IdentityToken: auth.GetIdentityToken(), RegistryToken: auth.GetRegistryToken()})
	var refused *images.PullError
	if errors.As(err, &refused) && refused.Unreachable {
		// The kubelet knows this text (k8s.io/cri-api/pkg/errors, ErrRegistryUnavailable), and makes a reason of it.
		return "", pulledImage{}, status.Errorf(codes.Unknown, "%v: %v", crierrors.ErrRegistryUnavailable, err)
	}
	if err != nil {
		return "", pulledImage{}, status.Error(codes.Unknown, err.Error())
	}
	id, p := images.ID(mapping.reference, image), pulledImage{reference: mapping.reference, image: image}
	r.remember(id, p)
	r.mu.Lock()
	r.fetched[mapping.reference] = id
	r.mu.Unlock()
	return id, p, nil
}

// ListImages lists the images that have been pulled.
func (r *Runtime) ListImages(_ context.Context, req *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	response, want := &cri.ListImagesResponse{}, req.GetFilter().GetImage().GetImage()
	for id, p := range r.pulled {
		if want == "" || want == id || want == p.reference {
			response.Images = append(response.Images, p.describe(id))
		}
	}
	sort.Slice(response.Images, func(i, j int) bool { return response.Images[i].Id < response.Images[j].Id })
	return response, nil
}

// ImageStatus describes an image that the catalogue maps; nil says that it is not there.
func (r *Runtime) ImageStatus(_ context.Context, req *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	id, p, err := r.lookup(req.GetImage().GetImage())
	if err != nil {
		return &cri.ImageStatusResponse{}, nil
	}
	r.remember(id, p)
	return &cri.ImageStatusResponse{Image: p.describe(id)}, nil
}

// PullImage looks an image up. Its error, which ends in ImagePullBackOff, says how to map an image.
func (r *Runtime) PullImage(ctx context.Context, req *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	reference := req.GetImage().GetImage()
	if mapping, err := r.config.Images.Resolve(reference); err == nil && mapping.Kind == images.Registry {
		id, _, err := r.fetch(ctx, pulledImage{reference: reference, image: mapping}, req.GetAuth())
		if err != nil {
			return nil, err
		}
		return &cri.PullImageResponse{ImageRef: id}, nil
	}
	id, p, err := r.lookup(reference)
	if err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	r.remember(id, p)
	return &cri.PullImageResponse{ImageRef: id}, nil
}

func (r *Runtime) remember(id string, p pulledImage) {
	r.mu.Lock()
	r.pulled[id] = p
	r.mu.Unlock()
}

// RemoveImage forgets that an image was pulled; the catalogue keeps it.
func (r *Runtime) RemoveImage(_ context.Context, req *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	want := req.GetImage().GetImage()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.pulled {
		if want == id || want == p.reference {
			delete(r.pulled, id)
			delete(r.fetched, p.reference)
		}
	}
	return &cri.RemoveImageResponse{}, nil
}

// ImageFsInfo reports an almost empty file system: images take no room of the node, and nothing is to be collected.
func (r *Runtime) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	usage := []*cri.FilesystemUsage{{Timestamp: time.Now().UnixNano(), FsId: &cri.FilesystemIdentifier{Mountpoint: r.config.Root},
		UsedBytes: &cri.UInt64Value{Value: 1}, InodesUsed: &cri.UInt64Value{Value: 1}}}
	return &cri.ImageFsInfoResponse{ImageFilesystems: usage, ContainerFilesystems: usage}, nil
}

// command is the resolved command line of a container: command replaces the entrypoint and drops the image's arguments.
func command(image images.Image, cmd, args []string) ([]string, error) {
	full := append([]string(nil), image.Entrypoint...)
	if len(cmd) > 0 {
		full = append([]string(nil), cmd...)
	} else if len(args) == 0 {
		args = image.Cmd
	}
	full = append(full, args...)
	if len(full) == 0 {
		return nil, fmt.Errorf("no command is given, and the image %s has none", image.Repository+image.Reference)
	}
	return full, nil
}
