// Package network gives each pod a network namespace of its own, routed to the node: a veth pair, one /32 address,
// and a default route to a link-local gateway that is the node's end of the pair. Nothing is bridged, so that each packet
// between two pods passes the node's netfilter hooks, where Service addresses are translated.
//
// In: the pods' address range and the node's address, which must be on an interface of the current namespace.
// Out: for each sandbox, the path of its namespace and its address.
package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// gateway is the address that every pod sees the node at. It is link-local, so it takes nothing from the pods' range.
var gateway = net.IPv4(169, 254, 1, 1)

// Config says where the pods' network lives.
type Config struct {
	Dir         string // holds a file per network namespace
	PodCIDR     string // the pods' addresses
	ServiceCIDR string // the Services' addresses: routed here, so that a local process can ask for one
	NodeIP      net.IP // what a pod sees as the source of the node's own connections
}

// Network makes and removes the network of pods. Its methods may be called at the same time.
type Network struct {
	dir    string
	nodeIP net.IP
	pool   *pool

	mu   sync.Mutex
	pods map[string]pod
}

type pod struct {
	path string
	link string
	ip   net.IP
}

// New prepares the current network namespace for pods: forwarding, and a route for Service addresses.
func New(c Config) (*Network, error) {
	pool, err := newPool(c.PodCIDR)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of network namespaces: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1\n"), 0o644); err != nil {
		return nil, fmt.Errorf("switch packet forwarding on: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("find the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return nil, fmt.Errorf("bring the loopback interface up: %w", err)
	}
	if c.ServiceCIDR != "" {
		if err := routeServices(lo, c.ServiceCIDR, c.NodeIP); err != nil {
			return nil, err
		}
	}
	return &Network{dir: c.Dir, nodeIP: c.NodeIP, pool: pool, pods: map[string]pod{}}, nil
}

// routeServices gives local processes a route to Service addresses. A socket's destination is routed before netfilter
// translates it, so without a route (or with an unreachable one) connect fails although an endpoint is there.
func routeServices(lo netlink.Link, cidr string, nodeIP net.IP) error {
	_, services, err := net.ParseCIDR(cidr)
	if err != nil {
		return fmt.Errorf("read the Services' address range: %w", err)
	}
	// A route of another type to the same range (the sandbox's own blackhole) is a route of its own: it has to go first.
	for _, kind := range []int{unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT} {
		old := &netlink.Route{Dst: services, Type: kind}
		if err := netlink.RouteDel(old); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove the route that blocks %s: %w", cidr, err)
		}
	}
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: services, Scope: netlink.SCOPE_LINK, Src: nodeIP}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("route %s: %w", cidr, err)
	}
	return nil
}

// Add makes the network of a pod's sandbox. The host name is the container runtime's matter, the network does not need it.
func (n *Network) Add(sandboxID string, _ string) (netnsPath string, ip string, err error) {
	n.mu.Lock()
	old, exists := n.pods[sandboxID]
	n.mu.Unlock()
	if exists {
		return old.path, old.ip.String(), nil
	}

	address, err := n.pool.take()
	if err != nil {
		return "", "", err
	}
	p := pod{path: filepath.Join(n.dir, sandboxID), link: linkName(sandboxID), ip: address}
	if err := n.build(p); err != nil {
		return "", "", errors.Join(fmt.Errorf("make the network of sandbox %s: %w", sandboxID, err), n.tearDown(p))
	}
	n.mu.Lock()
	n.pods[sandboxID] = p
	n.mu.Unlock()
	return p.path, address.String(), nil
}

// Remove takes a sandbox's network away. One that is not there is no error: the kubelet removes twice.
func (n *Network) Remove(sandboxID string) error {
	n.mu.Lock()
	p, exists := n.pods[sandboxID]
	delete(n.pods, sandboxID)
	n.mu.Unlock()
	if !exists {
		return nil
	}
	if err := n.tearDown(p); err != nil {
		return fmt.Errorf("remove the network of sandbox %s: %w", sandboxID, err)
	}
	return nil
}

func (n *Network) build(p pod) error {
	if err := makeNamespace(p.path); err != nil {
		return err
	}
	namespace, err := os.Open(p.path)
	if err != nil {
		return fmt.Errorf("open the network namespace: %w", err)
	}
	defer namespace.Close()

	attrs := netlink.NewLinkAttrs()
	attrs.Name = p.link
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(namespace.Fd()))}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("add the veth pair: %w", err)
	}
	host, err := netlink.LinkByName(p.link)
	if err != nil {
		return fmt.Errorf("find the node's end of the veth pair: %w", err)
	}
	podMAC, err := configurePod(int(namespace.Fd()), p.ip, host.Attrs().HardwareAddr)
	if err != nil {
		return err
	}
	return n.configureHost(host, p.ip, podMAC)
}

func (n *Network) configureHost(link netlink.Link, ip net.IP, podMAC net.HardwareAddr) error {
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring the node's end of the veth pair up: %w", err)
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: host32(ip), Scope: netlink.SCOPE_LINK, Src: n.nodeIP}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("route %s to its pod: %w", ip, err)
	}
	return permanentNeighbour(&netlink.Handle{}, link.Attrs().Index, ip, podMAC)
}

func (n *Network) tearDown(p pod) error {
	var errs []error
	if link, err := netlink.LinkByName(p.link); err == nil {
		// Takes the other end, the routes and the neighbours with it.
		if err := netlink.LinkDel(link); err != nil {
			errs = append(errs, fmt.Errorf("delete the veth pair: %w", err))
		}
	}
	if err := removeNamespace(p.path); err != nil {
		errs = append(errs, err)
	}
	n.pool.free(p.ip)
	return errors.Join(errs...)
}

// configurePod sets up the pod's end and returns its hardware address.
func configurePod(namespace int, ip net.IP, hostMAC net.HardwareAddr) (net.HardwareAddr, error) {
	h, err := handleAt(namespace)
	if err != nil {
		return nil, err
	}
	defer h.Close()

	lo, err := h.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("find the pod's loopback interface: %w", err)
	}
	if err := h.LinkSetUp(lo); err != nil {
		return nil, fmt.Errorf("bring the pod's loopback interface up: %w", err)
	}
	eth0, err := h.LinkByName("eth0")
	if err != nil {
		return nil, fmt.Errorf("find the pod's end of the veth pair: %w", err)
	}
	if err := h.AddrAdd(eth0, &netlink.Addr{IPNet: host32(ip)}); err != nil {
		return nil, fmt.Errorf("give the pod %s: %w", ip, err)
	}
	if err := h.LinkSetUp(eth0); err != nil {
		return nil, fmt.Errorf("bring the pod's end of the veth pair up: %w", err)
	}
	route := &netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gateway, Flags: int(netlink.FLAG_ONLINK)}
	if err := h.RouteAdd(route); err != nil {
		return nil, fmt.Errorf("give the pod a default route: %w", err)
	}
	// Both ends know each other's hardware address: nobody has to answer for 169.254.1.1, and the first packet waits for no ARP.
	if err := permanentNeighbour(h, eth0.Attrs().Index, gateway, hostMAC); err != nil {
		return nil, err
	}
	return eth0.Attrs().HardwareAddr, nil
}

func permanentNeighbour(h *netlink.Handle, link int, ip net.IP, mac net.HardwareAddr) error {
	neighbour := &netlink.Neigh{LinkIndex: link, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT, IP: ip, HardwareAddr: mac}
	if err := h.NeighSet(neighbour); err != nil {
		return fmt.Errorf("make %s a permanent neighbour: %w", ip, err)
	}
	return nil
}

func host32(ip net.IP) *net.IPNet { return &net.IPNet{IP: ip.To4(), Mask: net.CIDRMask(32, 32)} }

// linkName is the node's end of the pair: interface names have 15 characters, sandbox ids are random hexadecimal.
func linkName(sandboxID string) string {
	const most = 13
	if len(sandboxID) > most {
		sandboxID = sandboxID[:most]
	}
	return "ve" + sandboxID
}
