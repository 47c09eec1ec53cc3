package images_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/eventrig/eventrig/internal/images"
)

// layer makes a layer of headers; a regular file's content is its Linkname.
func layerOf(t *testing.T, entries ...tar.Header) v1.Layer {
	t.Helper()
	var content bytes.Buffer
	writer := tar.NewWriter(&content)
	for _, entry := range entries {
		text := ""
		if entry.Typeflag == tar.TypeReg {
			text, entry.Linkname = entry.Linkname, ""
			entry.Size = int64(len(text))
		}
		if entry.Mode == 0 {
			entry.Mode = 0o755
		}
		if err := writer.WriteHeader(&entry); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(writer, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	made, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func imageOf(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func file(name, content string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Linkname: content}
}
func link(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}
}
func symlink(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
}
func folder(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir} }

// unpacked maps an image of docker save and returns its root file system.
func unpacked(t *testing.T, image v1.Image) (string, error) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(archive, nil, image); err != nil {
		t.Fatal(err)
	}
	var catalogue images.Catalogue
	if err := catalogue.MapWith(&images.Builder{Cache: t.TempDir()}, "x=oci:"+archive); err != nil {
		return "", err
	}
	return catalogue.Images[0].Root, nil
}

func TestLayersLieOverEachOther(t *testing.T) {
	temporary := folder("tmp")
	temporary.Mode = 0o1777
	root, err := unpacked(t, imageOf(t,
		layerOf(t, temporary, file("a", "first"), link("b", "a"), file("etc/keep", "kept"), file("etc/gone", "x"), file("cache/old", "x"), file("cache/deep/old", "x"),
			folder("run"), symlink("var/run", "/run"), file("was/folder", "x")),
		layerOf(t, file(".wh.a", ""), file("etc/.wh.gone", ""), file("cache/deep/new", "new"), file("cache/.wh..wh..opq", ""), file("var/run/pid", "through the link"),
			file("was", "a file now")),
	))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"b": "first", "etc/keep": "kept", "cache/deep/new": "new", "run/pid": "through the link", "was": "a file now"} {
		if got, err := os.ReadFile(filepath.Join(root, path)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", path, got, err, want)
		}
	}
	for _, path := range []string{"a", "etc/gone", "cache/old", "cache/deep/old"} {
		if _, err := os.Lstat(filepath.Join(root, path)); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "tmp")); err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("tmp: %v, %v", info.Mode(), err)
	}
}

func TestWhatLeadsOutOfAnImageStaysInside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	for name, layers := range map[string][]v1.Layer{
		"a name with dots":            {layerOf(t, file("../../outside", "x"))},
		"a hard link to the host":     {layerOf(t, link("passwd", "../../../../../../etc/passwd"))},
		"a hard link to what is not":  {layerOf(t, link("passwd", "/etc/no-such-file"))},
		"a whiteout of what is above": {layerOf(t, file("../.wh.x", ""))},
	} {
		if root, err := unpacked(t, imageOf(t, layers...)); err == nil {
			t.Errorf("%s was unpacked to %s", name, root)
		}
	}
	// A link that leads out is one of the container's own: what goes through it stays in the image.
	root, err := unpacked(t, imageOf(t, layerOf(t, symlink("up", "../../../../../../"+outside), symlink("abs", outside)), layerOf(t, file("up/one", "x"), file("abs/two", "x"))))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if _, err := os.Lstat(filepath.Join(outside, name)); err == nil {
			t.Errorf("%s was written outside", name)
		}
		if _, err := os.Lstat(filepath.Join(root, outside, name)); err != nil {
			t.Errorf("%s is not inside: %v", name, err)
		}
	}
}

func TestEveryFormOfAnArchiveIsRead(t *testing.T) {
	own, other := imageOf(t, layerOf(t, file("which", "own"))), imageOf(t, layerOf(t, file("which", "other")))
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for tag, image := range map[string]v1.Image{"single.tar": own} {
		if err := tarball.WriteToFile(in(tag), nil, image); err != nil {
			t.Fatal(err)
		}
	}
	tags := map[name.Tag]v1.Image{}
	for text, image := range map[string]v1.Image{"example.org/app:1": own, "example.org/other:1": other} {
		tag, err := name.NewTag(text)
		if err != nil {
			t.Fatal(err)
		}
		tags[tag] = image
	}
	if err := tarball.MultiWriteToFile(in("several.tar"), tags); err != nil {
		t.Fatal(err)
	}
	// As a multi-platform build exports it: an index within the layout's index, with an attestation beside the images.
	platforms := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}},
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}},
		mutate.IndexAddendum{Add: own, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}})
	if path, err := layout.Write(in("layout"), empty.Index); err != nil {
		t.Fatal(err)
	} else if err := path.AppendIndex(platforms); err != nil {
		t.Fatal(err)
	}
	if path, err := layout.Write(in("foreign"), empty.Index); err != nil {
		t.Fatal(err)
	} else if err := path.AppendImage(other, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "s390x"})); err != nil {
		t.Fatal(err)
	}
	pack(t, in("layout"), in("layout.tar"), false)
	pack(t, in("layout"), in("layout.tar.gz"), true)
	for _, name := range []string{"single.tar", "several.tar", "layout", "layout.tar", "layout.tar.gz"} {
		var catalogue images.Catalogue
		if err := catalogue.MapWith(&images.Builder{Cache: t.TempDir()}, "example.org/app:1=oci:"+in(name)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := os.ReadFile(filepath.Join(catalogue.Images[0].Root, "which")); err != nil || string(got) != "own" {
			t.Errorf("%s holds the image %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{"several.tar": "example.org/app:1", "foreign": "it has [linux/s390x]"} {
		var catalogue images.Catalogue
		if err := catalogue.MapWith(&images.Builder{Cache: t.TempDir()}, "example.org/unknown:1=oci:"+in(name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// pack makes an archive of a folder.
func pack(t *testing.T, from, to string, compressed bool) {
	t.Helper()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var sink io.Writer = out
	if compressed {
		zipped := gzip.NewWriter(out)
		defer zipped.Close()
		sink = zipped
	}
	writer := tar.NewWriter(sink)
	if err := writer.AddFS(os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAnImageIsPulledFromItsRegistry(t *testing.T) {
	server := httptest.NewServer(guarded(registry.New(registry.Logger(log.New(io.Discard, "", 0)))))
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	host := strings.TrimPrefix(server.URL, "http://")
	image := imageOf(t, layerOf(t, file("which", "pulled")))
	tag, err := name.ParseReference(host + "/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image, remote.WithTransport(login{})); err != nil {
		t.Fatal(err)
	}
	digest, _ := image.Digest()
	builder := &images.Builder{Cache: t.TempDir()}
	pull := func(reference string, with images.PullRequest) (images.Image, error) {
		with.Reference = reference
		return builder.Pull(context.Background(), with)
	}
	own := images.PullRequest{Username: "user", Password: "secret"}
	for _, reference := range []string{host + "/team/app:v1", host + "/team/app@" + digest.String()} {
		got, err := pull(reference, own)
		if err != nil || got.Digest != digest.String() || got.Kind != images.KindRootfs {
			t.Fatalf("%s: %+v, %v", reference, got, err)
		}
		if text, err := os.ReadFile(filepath.Join(got.Root, "which")); err != nil || string(text) != "pulled" {
			t.Errorf("%s: %q, %v", reference, text, err)
		}
	}
	for reference, with := range map[string]images.PullRequest{
		host + "/team/app:v1":                                {}, // nobody's credentials
		host + "/team/app:v2":                                own,
		host + "/team/app@sha256:" + strings.Repeat("0", 64): own,
	} {
		if got, err := pull(reference, with); err == nil || images.Unreachable(err) {
			t.Errorf("%s: %+v, %v", reference, got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(`{"auths":{"`+host+`":{"username":"user","password":"secret"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pull(host+"/team/app:v1", images.PullRequest{}); err != nil {
		t.Errorf("with the docker configuration's credentials: %v", err)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	if _, err := pull(nobody.Addr().String()+"/team/app:1", images.PullRequest{}); !images.Unreachable(err) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
}

// guarded lets only one user in.
func guarded(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

type login struct{}

func (login) RoundTrip(r *http.Request) (*http.Response, error) {
	r.SetBasicAuth("user", "secret")
	return http.DefaultTransport.RoundTrip(r)
}

func TestWhatIsPulledForAPodsReference(t *testing.T) {
	for source, want := range map[string]string{
		"mirror/app": "mirror/app:v1", "mirror/app:fixed": "mirror/app:fixed", "mirror:5000/app": "mirror:5000/app:v1", "mirror/app@sha256:00": "mirror/app@sha256:00",
	} {
		if got := (images.Image{Source: source}).PulledFrom("docker.io/library/app:v1"); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
	var catalogue images.Catalogue
	if err := catalogue.Map("app=registry:Not A Reference"); err == nil {
		t.Error("a reference that is none was taken")
	}
	if err := catalogue.Map("app=registry:mirror/app"); err != nil || catalogue.Images[0].Kind != images.KindRegistry || catalogue.Images[0].Source != "mirror/app" {
		t.Errorf("%+v, %v", catalogue.Images, err)
	}
}
