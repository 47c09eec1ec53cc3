package service

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// clientGroups is how many groups of clients a Service with session affinity tells apart; a power of two.
const clientGroups = 32

// groupClients gives each group of clients its endpoint, by the highest of hashes (rendezvous): an endpoint that goes takes
// only its own clients with it, one that comes takes an even share of all others.
func groupClients(endpoints []netip.AddrPort) [clientGroups]netip.AddrPort {
	var groups [clientGroups]netip.AddrPort
	for group := range groups {
		best := uint64(0)
		for _, endpoint := range endpoints {
			sum := fnv.New64a()
			_, _ = sum.Write(binary.BigEndian.AppendUint16(endpoint.AppendTo(nil), uint16(group))) // never fails
			if weight := mix(sum.Sum64()); weight >= best {
				best, groups[group] = weight, endpoint
			}
		}
	}
	return groups
}

// mix spreads the last bytes of what was hashed over all bits, which FNV leaves to bytes that follow (the finaliser of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
