package embedded

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a kubeconfig that speaks as one identity of the PKI. Certificates are embedded, so that the
// file alone is enough and may be copied.
func (p *pki) writeKubeconfig(path, server, identityFile string) error {
	read := func(file string) []byte {
		data, _ := os.ReadFile(p.path(file)) // a missing file shows as an invalid kubeconfig below
		return data
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["eventrig"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: read("ca.crt")}
	config.AuthInfos[identityFile] = &clientcmdapi.AuthInfo{
		ClientCertificateData: read(identityFile + ".crt"), ClientKeyData: read(identityFile + ".key"),
	}
	config.Contexts["eventrig"] = &clientcmdapi.Context{Cluster: "eventrig", AuthInfo: identityFile}
	config.CurrentContext = "eventrig"
	if err := clientcmd.ConfirmUsable(*config, ""); err != nil {
		return fmt.Errorf("make kubeconfig for %s: %w", identityFile, err)
	}
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	return nil
}
