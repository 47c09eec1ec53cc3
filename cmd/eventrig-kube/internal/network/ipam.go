package network

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
)

// pool hands out the addresses of one pod CIDR. A freed address comes back last, so that what still remembers
// the old pod (a client's connection, a conntrack entry) does not reach the next one.
type pool struct {
	mu    sync.Mutex
	base  uint32
	size  uint32
	next  uint32
	taken map[uint32]bool
}

func newPool(cidr string) (*pool, error) {
	_, network, err := net.ParseCIDR(cidr)
	if err != nil {
		return nil, fmt.Errorf("read the pods' address range: %w", err)
	}
	ones, bits := network.Mask.Size()
	if bits != 32 || ones > 30 {
		return nil, fmt.Errorf("the pods' address range %s is not an IPv4 range of /30 or larger", cidr)
	}
	return &pool{
		base:  binary.BigEndian.Uint32(network.IP.To4()),
		size:  1 << (32 - ones),
		next:  2, // the first one is left to a gateway, as other networks have it
		taken: map[uint32]bool{},
	}, nil
}

// take returns an address that no pod holds.
func (p *pool) take() (net.IP, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.size {
		offset := p.next
		p.next++
		if p.next >= p.size-1 {
			p.next = 2
		}
		if offset < p.size-1 && !p.taken[offset] {
			p.taken[offset] = true
			ip := make(net.IP, 4)
			binary.BigEndian.PutUint32(ip, p.base+offset)
			return ip, nil
		}
	}
	return nil, fmt.Errorf("every one of the %d pod addresses is taken", len(p.taken))
}

// free gives an address back.
func (p *pool) free(ip net.IP) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, binary.BigEndian.Uint32(ip.To4())-p.base)
}
