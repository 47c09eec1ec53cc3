package service

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
	v1 "k8s.io/api/core/v1"
)

const tableName = "eventrig-services"

// Offsets in the IPv4 and the TCP or UDP header.
const (
	sourceAddress      = 12
	destinationAddress = 16
	destinationPort    = 2
)

// ctStatusDNAT is the bit of a connection whose destination was translated (IPS_DST_NAT).
const ctStatusDNAT = 1 << 5

// replaceTable makes the kernel translate exactly these rules. The kernel takes the whole of it or nothing, in one
// transaction: no connection meets half a table.
func replaceTable(rules []Rule, cidr netip.Prefix, node, dns netip.Addr) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName}
	conn.AddTable(table) // so that there is one to delete the first time
	conn.DelTable(table)
	conn.AddTable(table)

	services := conn.AddChain(&nftables.Chain{Table: table, Name: "services"})
	refuse := conn.AddChain(&nftables.Chain{Table: table, Name: "refuse"})
	for _, rule := range rules {
		addTranslation(conn, table, services, rule)
	}
	addRefusals(conn, table, refuse, rules, cidr, node, dns)

	hook := func(name string, kind nftables.ChainType, at *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
		return conn.AddChain(&nftables.Chain{Table: table, Name: name, Type: kind, Hooknum: at, Priority: priority})
	}
	jump := func(from, to *nftables.Chain) {
		conn.AddRule(&nftables.Rule{Table: table, Chain: from, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: to.Name}}})
	}
	jump(hook("nat-prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest), services)
	jump(hook("nat-output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityRef(-100)), services)
	jump(hook("filter-forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter), refuse)
	jump(hook("filter-output", nftables.ChainTypeFilter, nftables.ChainHookOutput, nftables.ChainPriorityFilter), refuse)
	postrouting := hook("nat-postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	addHairpins(conn, table, postrouting, rules, node)

	if err := conn.Flush(); err != nil {
		return fmt.Errorf("replace the nftables table %s: %w", tableName, err)
	}
	return nil
}

// addTranslation spreads new connections evenly: the first of n endpoints takes one in n, the next one in n-1 of the rest.
func addTranslation(conn *nftables.Conn, table *nftables.Table, chain *nftables.Chain, rule Rule) {
	for i, endpoint := range rule.Endpoints {
		match := matchTo(rule)
		if left := len(rule.Endpoints) - i; left > 1 {
			match = append(match,
				&expr.Numgen{Register: 1, Modulus: uint32(left), Type: unix.NFT_NG_RANDOM},
				equals(1, binaryutil.NativeEndian.PutUint32(0)),
			)
		}
		address := endpoint.Addr().As4()
		match = append(match,
			&expr.Immediate{Register: 1, Data: address[:]},
			&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(endpoint.Port())},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
		)
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: match, UserData: []byte(rule.Name)})
	}
}

// addRefusals answers at once what no rule translated, where a client would otherwise wait until its own timeout.
func addRefusals(conn *nftables.Conn, table *nftables.Table, chain *nftables.Chain, rules []Rule, cidr netip.Prefix, node, dns netip.Addr) {
	add := func(match []expr.Any, protocol v1.Protocol) {
		reject := &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: 3} // port unreachable
		if protocol == v1.ProtocolTCP {
			reject = &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}
		}
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(match, reject)})
	}
	// Answers go to Service addresses too: a process of the node that asks an address which is its own has that as its source.
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(
		matchBits(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), &expr.Verdict{Kind: expr.VerdictReturn})})
	if dns.IsValid() {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(matchAddress(destinationAddress, dns), &expr.Verdict{Kind: expr.VerdictReturn})})
	}
	for _, rule := range rules {
		// The node's own ports may be served by a process there.
		if len(rule.Endpoints) == 0 && rule.To.Addr() != node {
			add(matchTo(rule), rule.Protocol)
		}
	}
	for _, protocol := range []v1.Protocol{v1.ProtocolTCP, v1.ProtocolUDP} {
		add(append(matchCIDR(cidr), matchProtocol(protocol)...), protocol)
	}
}

// addHairpins gives a pod that reaches itself through a Service the node as its peer: an answer from itself to itself
// would never pass here to be translated back.
func addHairpins(conn *nftables.Conn, table *nftables.Table, chain *nftables.Chain, rules []Rule, node netip.Addr) {
	done := map[netip.Addr]bool{}
	source := node.As4()
	for _, rule := range rules {
		for _, endpoint := range rule.Endpoints {
			address := endpoint.Addr()
			if done[address] || address == node {
				continue
			}
			done[address] = true
			match := append(matchAddress(sourceAddress, address), matchAddress(destinationAddress, address)...)
			match = append(match, matchBits(expr.CtKeySTATUS, ctStatusDNAT)...)
			match = append(match,
				&expr.Immediate{Register: 1, Data: source[:]},
				&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1},
			)
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: match})
		}
	}
}

func matchTo(rule Rule) []expr.Any {
	match := append(matchAddress(destinationAddress, rule.To.Addr()), matchProtocol(rule.Protocol)...)
	return append(match,
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: destinationPort, Len: 2},
		equals(1, binaryutil.BigEndian.PutUint16(rule.To.Port())),
	)
}

func matchAddress(offset uint32, address netip.Addr) []expr.Any {
	bytes := address.As4()
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		equals(1, bytes[:]),
	}
}

func matchCIDR(cidr netip.Prefix) []expr.Any {
	network := cidr.Masked().Addr().As4()
	mask := binaryutil.BigEndian.PutUint32(^uint32(0) << (32 - cidr.Bits()))
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: destinationAddress, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		equals(1, network[:]),
	}
}

// matchBits is true for a connection that has one of the bits.
func matchBits(key expr.CtKey, bits uint32) []expr.Any {
	none := binaryutil.NativeEndian.PutUint32(0)
	return []expr.Any{
		&expr.Ct{Key: key, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: none},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: none},
	}
}

func matchProtocol(protocol v1.Protocol) []expr.Any {
	number := byte(unix.IPPROTO_TCP)
	if protocol == v1.ProtocolUDP {
		number = unix.IPPROTO_UDP
	}
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equals(1, []byte{number})}
}

func equals(register uint32, data []byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}
