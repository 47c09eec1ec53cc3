package runtime

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
)

// pulledImage is an image that the kubelet has asked for under a reference.
type pulledImage struct {
	reference string
	image     images.Image
}

func (p pulledImage) describe(id string) *cri.Image {
	image := &cri.Image{Id: id, RepoTags: []string{p.reference}, Size: 1, Spec: &cri.ImageSpec{Image: p.reference, UserSpecifiedImage: p.reference}}
	image.RepoDigests = []string{images.Repository(p.reference) + "@" + id}
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
	return images.ID(reference, image), pulledImage{reference: reference, image: image}, nil
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
func (r *Runtime) PullImage(_ context.Context, req *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	reference := req.GetImage().GetImage()
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
