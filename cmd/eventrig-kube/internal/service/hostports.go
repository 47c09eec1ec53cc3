package service

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	v1 "k8s.io/api/core/v1"
)

// HostPorts leads ports of the node to pods (hostPort), as a CNI's portmap plugin does. Its methods may be called at the same
// time.
type HostPorts struct {
	node netip.Addr

	mu   sync.Mutex
	pods map[string][]Rule
}

// HostPort is one port of the node that a pod asks for.
type HostPort struct {
	Protocol  v1.Protocol
	HostIP    string // of the node; every one of its addresses when empty or 0.0.0.0
	Host, Pod int32
}

// NewHostPorts makes the translation for a node of that address.
func NewHostPorts(nodeIP net.IP) (*HostPorts, error) {
	node, ok := netip.AddrFromSlice(nodeIP.To4())
	if !ok {
		return nil, fmt.Errorf("the node's address %v is not IPv4", nodeIP)
	}
	return &HostPorts{node: node, pods: map[string][]Rule{}}, nil
}

// Publish leads ports to the pod with that address, and returns once the kernel does so. What cannot be had is told in
// refused and left out: a port of another address than the node's, or of a protocol that is neither TCP nor UDP.
func (h *HostPorts) Publish(sandboxID, name, podIP string, ports []HostPort) (refused []string, err error) {
	pod, err := netip.ParseAddr(podIP)
	if err != nil {
		return nil, fmt.Errorf("read the pod's address: %w", err)
	}
	var rules []Rule
	for _, port := range ports {
		protocol := cmp.Or(port.Protocol, v1.ProtocolTCP)
		if protocol != v1.ProtocolTCP && protocol != v1.ProtocolUDP {
			refused = append(refused, fmt.Sprintf("hostPort %d of protocol %s is not to be had: only TCP and UDP are", port.Host, protocol))
			continue
		}
		if ip := port.HostIP; ip != "" && ip != "0.0.0.0" && ip != h.node.String() {
			refused = append(refused, fmt.Sprintf("hostPort %d at hostIP %s is not to be had: the node's address is %s", port.Host, ip, h.node))
			continue
		}
		rules = append(rules, Rule{Name: name, Protocol: protocol, To: netip.AddrPortFrom(h.node, uint16(port.Host)),
			Endpoints: []netip.AddrPort{netip.AddrPortFrom(pod, uint16(port.Pod))}})
	}
	if len(rules) == 0 {
		return refused, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pods[sandboxID] = rules
	return refused, h.apply()
}

// Withdraw undoes Publish; a pod that has published nothing is no error.
func (h *HostPorts) Withdraw(sandboxID string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, published := h.pods[sandboxID]; !published {
		return nil
	}
	delete(h.pods, sandboxID)
	return h.apply()
}

func (h *HostPorts) apply() error {
	var rules []Rule
	for _, own := range h.pods {
		rules = append(rules, own...)
	}
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Or(a.To.Compare(b.To), cmp.Compare(a.Protocol, b.Protocol)) })
	t, err := newTable("eventrig-host-ports")
	if err != nil {
		return err
	}
	t.translate(rules, h.node, 1) // a CNI's come before kube-proxy's too
	return t.replace()
}
