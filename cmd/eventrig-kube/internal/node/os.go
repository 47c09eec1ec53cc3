package node

import (
	"os"
	"path/filepath"
	"strings"

	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
)

// legacyLogs is where the kubelet keeps links to the containers' logs for log collectors. It is a constant of the
// kubelet's, on the machine itself, and out of an ordinary user's reach.
const legacyLogs = "/var/log/containers"

// redirectingOS keeps the kubelet out of the machine's /var/log.
type redirectingOS struct {
	kubecontainer.RealOS
	legacyLogs string
}

func (o redirectingOS) path(path string) string {
	if rest, found := strings.CutPrefix(path, legacyLogs); found && (rest == "" || rest[0] == '/') {
		return filepath.Join(o.legacyLogs, rest)
	}
	return path
}

// MkdirAll implements container.OSInterface.
func (o redirectingOS) MkdirAll(path string, mode os.FileMode) error {
	return o.RealOS.MkdirAll(o.path(path), mode)
}

// Symlink implements container.OSInterface.
func (o redirectingOS) Symlink(target, link string) error {
	return o.RealOS.Symlink(target, o.path(link))
}

// Stat implements container.OSInterface.
func (o redirectingOS) Stat(path string) (os.FileInfo, error) { return o.RealOS.Stat(o.path(path)) }

// Remove implements container.OSInterface.
func (o redirectingOS) Remove(path string) error { return o.RealOS.Remove(o.path(path)) }

// RemoveAll implements container.OSInterface.
func (o redirectingOS) RemoveAll(path string) error { return o.RealOS.RemoveAll(o.path(path)) }

// ReadDir implements container.OSInterface.
func (o redirectingOS) ReadDir(path string) ([]os.DirEntry, error) {
	return o.RealOS.ReadDir(o.path(path))
}

// Glob implements container.OSInterface.
func (o redirectingOS) Glob(pattern string) ([]string, error) {
	return o.RealOS.Glob(o.path(pattern))
}
