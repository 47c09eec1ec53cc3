package embedded

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/eventrig/eventrig/internal/authority"
)

// pki writes the certificates of one cluster below a folder.
type pki struct {
	folder string
	root   *authority.Authority
}

// identity is whom a certificate speaks for: a user (common name) and its groups (organisations).
type identity struct {
	file   string // base name of the .crt and .key files
	name   string
	groups []string
	hosts  []string // DNS names and addresses; a certificate that has some serves as well
}

// identities are all certificates of the embedded cluster. The names and groups are those that Kubernetes'
// bootstrap RBAC policy binds.
func identities(nodeName, nodeAddress, serviceAddress string) []identity {
	return []identity{
		{file: "apiserver", name: "kube-apiserver", hosts: []string{
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc." + DNSDomain, "127.0.0.1", nodeAddress, serviceAddress,
		}},
		{file: "apiserver-kubelet-client", name: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{file: "admin", name: "eventrig-admin", groups: []string{"system:masters"}},
		{file: "controller-manager", name: "system:kube-controller-manager"},
		{file: "scheduler", name: "system:kube-scheduler"},
		// The node's process is kubelet, service proxy, DNS and volume provisioner in one, so it needs more than a kubelet.
		{file: "node", name: "system:node:" + nodeName, groups: []string{"system:nodes", "system:masters"}},
		{file: "node-serving", name: "system:node:" + nodeName, groups: []string{"system:nodes"}, hosts: []string{nodeName, nodeAddress}},
	}
}

// newPKI makes the certificate authority, every identity's certificate and the key that signs service-account tokens.
func newPKI(folder string, all []identity) (*pki, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make certificate folder: %w", err)
	}
	root, err := authority.New("eventrig")
	if err != nil {
		return nil, err
	}
	p := &pki{folder: folder, root: root}
	if err := writePEM(p.path("ca.crt"), "CERTIFICATE", root.DER(), 0o644); err != nil {
		return nil, err
	}
	for _, id := range all {
		if err := p.issue(id); err != nil {
			return nil, err
		}
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate service-account key: %w", err)
	}
	return p, writeKey(p.path("service-account.key"), signer)
}

func (p *pki) path(file string) string { return filepath.Join(p.folder, file) }

func (p *pki) issue(id identity) error {
	der, key, err := p.root.Issue(authority.Subject{Name: id.name, Groups: id.groups, Hosts: id.hosts})
	if err != nil {
		return err
	}
	if err := writePEM(p.path(id.file+".crt"), "CERTIFICATE", der, 0o644); err != nil {
		return err
	}
	return writeKey(p.path(id.file+".key"), key)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key %s: %w", path, err)
	}
	return writePEM(path, "EC PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
