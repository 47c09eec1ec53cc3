package images_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/images"
	"github.com/eventrig/eventrig/simulators/handlers"
)

func TestRepositoryLeavesTagAndDigestAway(t *testing.T) {
	for reference, want := range map[string]string{
		"nats:2.10.29": "nats", "docker.io/library/nats": "nats", "docker.io/natsio/x:1": "natsio/x",
		"localhost:5000/a/b": "localhost:5000/a/b", "localhost:5000/a/b:v1@sha256:00": "localhost:5000/a/b", "": "",
	} {
		if got := images.Repository(reference); got != want {
			t.Errorf("%q: %q, want %q", reference, got, want)
		}
	}
}

func TestDefaultCatalogueHasWhatTheComponentsCanDo(t *testing.T) {
	catalogue := images.DefaultCatalogue(images.Components{ArgoEvents: "/c/argo-events", ArgoExec: "/c/argoexec", NATSServer: "/c/nats-server", Handlers: "/c/h"})
	for reference, inside := range map[string]string{
		"quay.io/argoproj/argo-events:v1.9.10": "/eventrig/bin/argo-events", "quay.io/argoproj/argoexec:v3.7.15": "/eventrig/bin/argoexec",
		"nats:2.10.29": "/nats-server", images.UnderStackHandlersImage + ":latest": "/eventrig/bin/sync-keystone",
		"ghcr.io/rackerlabs/understack/openstack-client:2026.1": "/eventrig/bin/openstack", "python:alpine": "/eventrig/bin/python",
		"ghcr.io/rss-engineering/undercloud-nautobot/ansible:latest": "/eventrig/bin/ansible-runner",
	} {
		image, ok := catalogue.Find(reference)
		if !ok || image.Files[inside] == "" {
			t.Errorf("%s: %+v, %v; want %s", reference, image, ok, inside)
		}
	}
	controller, _ := images.DefaultCatalogue(images.Components{WorkflowController: "/c/workflow-controller"}).Find("quay.io/argoproj/workflow-controller:v3.7.15")
	if controller.User != "8737" {
		t.Errorf("the workflow controller would run as %q, which runAsNonRoot of its pod refuses", controller.User)
	}
	if image, ok := catalogue.Find("natsio/prometheus-nats-exporter:0.14.0"); !ok || image.Kind != images.KindCommand {
		t.Errorf("metrics exporter: %+v, %v", image, ok)
	}
	for _, reference := range []string{"nats-streaming:0.22.1", "quay.io/argoproj/workflow-controller", "busybox"} {
		if image, ok := catalogue.Find(reference); ok {
			t.Errorf("%s is %+v", reference, image)
		}
	}
}

func TestThereIsAStandInForEachCommand(t *testing.T) {
	names := handlers.Names()
	for repository, commands := range images.UnderStackCommands {
		for _, command := range commands {
			if !slices.Contains(names, command) {
				t.Errorf("%s: no stand-in is called %s", repository, command)
			}
		}
	}
}

func TestAMappingWinsOverTheDefaultAndAnExactOneOverBoth(t *testing.T) {
	command := filepath.Join(t.TempDir(), "handler")
	if err := os.WriteFile(command, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	catalogue := images.DefaultCatalogue(images.Components{NATSServer: "/c/nats-server"})
	for _, spec := range []string{"nats:special=rootfs:" + root, "nats=command:" + command} {
		if err := catalogue.Map(spec); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "images.json")
	if err := catalogue.Write(file); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read images.Catalogue
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	for _, c := range []images.Catalogue{catalogue, read} {
		if image, _ := c.Find("nats:2"); image.Kind != images.KindCommand || image.Entrypoint[0] != "/eventrig/bin/handler" {
			t.Errorf("nats:2 is %+v", image)
		}
		if image, _ := c.Find("docker.io/library/nats:special"); image.Kind != images.KindRootfs || image.Root != root {
			t.Errorf("nats:special is %+v", image)
		}
	}
	if len(read.Images) != 4 { // two of nats, exporter, reloader
		t.Errorf("the file has %d images: %s", len(read.Images), content)
	}
}

func TestBadMappingsAreBadInput(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, spec := range []string{"", "nats", "nats=", "nats=command", "=command:/bin/sh", "nats=command:/nowhere", "nats=docker:/bin/sh",
		"nats=rootfs:/bin/sh", "nats=command:" + plain, "nats=command:/", "nats=oci:" + plain} {
		var catalogue images.Catalogue
		if err := catalogue.MapWith(&images.Builder{Cache: t.TempDir()}, spec); failure.ExitStatus(err) != int(failure.BadInput) || failure.Hint(err) == "" {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

// sample is an image with a file, a link that leads out of it, and a configuration.
func sample(t *testing.T) v1.Image {
	t.Helper()
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	for _, entry := range []tar.Header{
		{Name: "bin/hello", Typeflag: tar.TypeReg, Mode: 0o755, Size: 5},
		{Name: "etc", Typeflag: tar.TypeDir, Mode: 0o555},
		{Name: "etc/os", Typeflag: tar.TypeReg, Mode: 0o444, Size: 5},
		{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
	} {
		if err := writer.WriteHeader(&entry); err != nil {
			t.Fatal(err)
		}
		if entry.Size > 0 {
			if _, err := writer.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.Config(image, v1.Config{Entrypoint: []string{"/bin/hello"}, Env: []string{"A=b"}, WorkingDir: "/etc", User: "7"})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestAnOCIImageIsUnpacked(t *testing.T) {
	image := sample(t)
	dir := t.TempDir()
	archive := filepath.Join(dir, "image.tar")
	if err := tarball.WriteToFile(archive, nil, image); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "layout")
	if path, err := layout.Write(folder, empty.Index); err != nil {
		t.Fatal(err)
	} else if err := path.AppendImage(image); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{archive, folder} {
		var catalogue images.Catalogue
		if err := catalogue.MapWith(&images.Builder{Cache: t.TempDir()}, "example.org/x:1=oci:"+path); err != nil {
			t.Fatal(err)
		}
		got, ok := catalogue.Find("example.org/x:1")
		if !ok || got.Kind != images.KindRootfs || got.Entrypoint[0] != "/bin/hello" || got.Env[0] != "A=b" || got.WorkDir != "/etc" || got.User != "7" {
			t.Fatalf("image is %+v, %v", got, ok)
		}
		for name, mode := range map[string]os.FileMode{"bin/hello": 0o755, "etc/os": 0o644} {
			if info, err := os.Stat(filepath.Join(got.Root, name)); err != nil || info.Size() != 5 || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		if target, err := os.Readlink(filepath.Join(got.Root, "out")); err != nil || target != "/etc" {
			t.Errorf("out leads to %s, %v", target, err)
		}
	}
}
