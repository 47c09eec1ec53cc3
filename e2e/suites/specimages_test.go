package suites_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Images of the specs' pods.
const (
	shellImage = "e2e.eventrig.dev/shell" // the host's shell and its /usr
	toolImage  = "e2e.eventrig.dev/tool"  // podtool, over the host's /usr
)

// podtool is the path of the program of that name, built for the specs.
var podtool string

// imageRegistry is where the specs' images of registries are pulled from: on this machine, outside of the rig.
var imageRegistry struct {
	open, guarded string // hosts; the second one lets only user:secret in
}

// buildPodtool builds podtool, statically: some images hold nothing else.
func buildPodtool(ctx SpecContext, folder string) {
	GinkgoHelper()
	podtool = filepath.Join(folder, "podtool")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", podtool, "github.com/eventrig/eventrig/e2e/suites/podtool")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
}

// specImages are the mappings of the shared rig.
func specImages(ctx SpecContext) []string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	buildPodtool(ctx, folder)
	startRegistries(folder)
	image := toolInAnImage("first")

	root := filepath.Join(folder, "root")
	for _, dir := range []string{"bin", "etc", "data"} {
		Expect(os.MkdirAll(filepath.Join(root, dir), 0o755)).To(Succeed())
	}
	program, err := os.ReadFile(podtool)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(root, "bin/podtool"), program, 0o755)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(root, "data/kept"), []byte("kept\n"), 0o644)).To(Succeed())

	path, err := layout.Write(filepath.Join(folder, "layout"), empty.Index)
	Expect(err).NotTo(HaveOccurred())
	Expect(path.AppendImage(image)).To(Succeed())
	archive, err := os.Create(filepath.Join(folder, "layout.tar"))
	Expect(err).NotTo(HaveOccurred())
	writer := tar.NewWriter(archive)
	Expect(writer.AddFS(os.DirFS(filepath.Join(folder, "layout")))).To(Succeed())
	Expect(writer.Close()).To(Succeed())
	Expect(archive.Close()).To(Succeed())
	Expect(tarball.WriteToFile(filepath.Join(folder, "saved.tar"), nil, image)).To(Succeed())

	push(imageRegistry.open+"/team/app:v1", image)
	push(imageRegistry.guarded+"/team/app:v1", image)
	digest, err := image.Digest()
	Expect(err).NotTo(HaveOccurred())
	images := []string{
		shellImage + "=command:/bin/sh",
		toolImage + "=applet:" + podtool,
		"e2e.eventrig.dev/rootfs=rootfs:" + root,
		"e2e.eventrig.dev/layout=oci:" + filepath.Join(folder, "layout"),
		"e2e.eventrig.dev/layout-tar=oci:" + filepath.Join(folder, "layout.tar"),
		"e2e.eventrig.dev/saved=oci:" + filepath.Join(folder, "saved.tar"),
		"e2e.eventrig.dev/registry=registry:" + imageRegistry.open + "/team/app",
		"e2e.eventrig.dev/pinned=registry:" + imageRegistry.open + "/team/app@" + digest.String(),
		"e2e.eventrig.dev/guarded=registry:" + imageRegistry.guarded + "/team/app:v1",
		"e2e.eventrig.dev/unreachable=registry:127.0.0.1:1/team/app:v1",
	}
	if curl, err := exec.LookPath("curl"); err == nil {
		images = append(images, "curl:1=command:"+curl)
	}
	return images
}

// toolInAnImage makes an image of podtool alone, of two layers, the second of which takes something away. Its configuration
// has everything that an image can say of its process.
func toolInAnImage(version string) v1.Image {
	GinkgoHelper()
	program, err := os.ReadFile(podtool)
	Expect(err).NotTo(HaveOccurred())
	image, err := mutate.AppendLayers(empty.Image,
		layerOf(
			tar.Header{Name: "bin/podtool", Mode: 0o755, Typeflag: tar.TypeReg}, program,
			tar.Header{Name: "bin/same", Typeflag: tar.TypeLink, Linkname: "bin/podtool"}, nil,
			tar.Header{Name: "etc/passwd", Mode: 0o644, Typeflag: tar.TypeReg}, []byte("app:x:1234:2345::/home/app:/bin/sh\n"),
			tar.Header{Name: "data/kept", Mode: 0o644, Typeflag: tar.TypeReg}, []byte("kept\n"),
			tar.Header{Name: "data/gone", Mode: 0o644, Typeflag: tar.TypeReg}, []byte("gone\n"),
			tar.Header{Name: "tmp", Mode: 0o1777, Typeflag: tar.TypeDir}, nil),
		layerOf(
			tar.Header{Name: "data/.wh.gone", Mode: 0o644, Typeflag: tar.TypeReg}, nil,
			tar.Header{Name: "data/version", Mode: 0o644, Typeflag: tar.TypeReg}, []byte(version+"\n")))
	Expect(err).NotTo(HaveOccurred())
	image, err = mutate.Config(image, v1.Config{
		Entrypoint: []string{"/bin/podtool"}, Cmd: []string{"pwd"}, Env: []string{"PATH=/bin", "FROM_IMAGE=yes", "BOTH=image"}, WorkingDir: "/data", User: "app",
	})
	Expect(err).NotTo(HaveOccurred())
	return image
}

// layerOf makes a layer of headers, each with its content.
func layerOf(entries ...any) v1.Layer {
	GinkgoHelper()
	var content bytes.Buffer
	writer := tar.NewWriter(&content)
	for i := 0; i < len(entries); i += 2 {
		header := entries[i].(tar.Header)
		data, _ := entries[i+1].([]byte)
		header.Size = int64(len(data))
		Expect(writer.WriteHeader(&header)).To(Succeed())
		_, err := writer.Write(data)
		Expect(err).NotTo(HaveOccurred())
	}
	Expect(writer.Close()).To(Succeed())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
	Expect(err).NotTo(HaveOccurred())
	return layer
}

// startRegistries serves two registries on this machine's loopback interface, and gives the user credentials for neither.
func startRegistries(folder string) {
	GinkgoHelper()
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	open := httptest.NewServer(registry.New(quiet))
	DeferCleanup(open.Close)
	inner := registry.New(quiet)
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`, http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	DeferCleanup(guarded.Close)
	imageRegistry.open, imageRegistry.guarded = strings.TrimPrefix(open.URL, "http://"), strings.TrimPrefix(guarded.URL, "http://")
	GinkgoT().Setenv("DOCKER_CONFIG", folder) // the user's own credentials are none of the specs' business
}

// push puts an image into a registry of the specs.
func push(reference string, image v1.Image) {
	GinkgoHelper()
	parsed, err := name.ParseReference(reference)
	Expect(err).NotTo(HaveOccurred())
	Expect(remote.Write(parsed, image, remote.WithTransport(asUser{}))).To(Succeed())
}

// asUser logs in with the user of the guarded registry.
type asUser struct{}

func (asUser) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth("user", "secret")
	return http.DefaultTransport.RoundTrip(r)
}

// dockerConfig is the content of a Secret of type kubernetes.io/dockerconfigjson.
func dockerConfig(host string) string {
	return fmt.Sprintf(`{"auths":{%q:{"username":"user","password":"secret"}}}`, host)
}
