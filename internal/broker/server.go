package broker

import (
	"os"
	"os/exec"
	"path/filepath"
	"sort"

	"github.com/eventrig/eventrig/internal/failure"
)

// Server is an installed RabbitMQ.
type Server struct {
	Path string // rabbitmq-server as seen from Root
	Root string // root file system that it lives in; empty is the host's own
}

// serverPaths is where packages put the script that starts the server itself. The one in /usr/sbin changes the user first,
// which only root can, so it comes last.
var serverPaths = []string{
	"/usr/lib/rabbitmq/bin/rabbitmq-server",
	"/opt/rabbitmq/sbin/rabbitmq-server",
	"/usr/local/sbin/rabbitmq-server",
	"/opt/homebrew/sbin/rabbitmq-server",
}

// CachedRoot is where scripts/setup.sh unpacks a root file system with RabbitMQ 4, UnderStack's major.
func CachedRoot() (string, error) {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", failure.New(failure.Environment, "set HOME or XDG_CACHE_HOME", "find the cache: %w", err)
		}
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "eventrig", "rabbitmq-4", "rootfs"), nil
}

// FindServer returns the RabbitMQ to use: the cached RabbitMQ 4 root file system when there is one, else the host's own.
func FindServer() (*Server, error) {
	if root, err := CachedRoot(); err == nil {
		if server := findIn(root); server != nil {
			return server, nil
		}
	}
	return FindHostServer()
}

// FindHostServer returns the host's own RabbitMQ.
func FindHostServer() (*Server, error) {
	if server := findIn(""); server != nil {
		return server, nil
	}
	if path, err := exec.LookPath("rabbitmq-server"); err == nil {
		return &Server{Path: path}, nil
	}
	return nil, failure.New(failure.Environment, "run scripts/setup.sh, or install the package rabbitmq-server",
		"no RabbitMQ: rabbitmq-server is neither in the usual places nor on PATH")
}

// findIn looks for the server below root. Links in there are absolute to it, so only directories are followed.
func findIn(root string) *Server {
	for _, path := range serverPaths {
		if _, err := os.Lstat(filepath.Join(root, path)); err == nil {
			return &Server{Path: path, Root: root}
		}
	}
	versions, _ := filepath.Glob(filepath.Join(root, "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
	if len(versions) == 0 {
		return nil
	}
	sort.Strings(versions)
	newest := versions[len(versions)-1]
	if root != "" {
		if inside, err := filepath.Rel(root, newest); err == nil {
			newest = "/" + inside
		}
	}
	return &Server{Path: newest, Root: root}
}

// pickServer takes the best server that the launcher can run.
func pickServer(launcher Launcher) (*Server, error) {
	if _, ok := launcher.(RootLauncher); ok {
		return FindServer()
	}
	return FindHostServer()
}
