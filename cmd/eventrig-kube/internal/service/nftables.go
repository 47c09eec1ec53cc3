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

// Offsets in the IPv4 and the TCP or UDP header.
const (
	sourceAddress      = 12
	destinationAddress = 16
	destinationPort    = 2
)

// ctStatusDNAT is the bit of a connection whose destination was translated (IPS_DST_NAT).
const ctStatusDNAT = 1 << 5

// table is one nftables table of translations under construction. The kernel takes the whole of it or nothing, in one
// transaction: no connection meets half a table.
type table struct {
	conn *nftables.Conn
	*nftables.Table
}

func newTable(name string) (*table, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	t := &table{conn, &nftables.Table{Family: nftables.TableFamilyIPv4, Name: name}}
	conn.AddTable(t.Table) // so that there is one to delete the first time
	conn.DelTable(t.Table)
	conn.AddTable(t.Table)
	return t, nil
}

func (t *table) replace() error {
	if err := t.conn.Flush(); err != nil {
		return fmt.Errorf("replace the nftables table %s: %w", t.Name, err)
	}
	return nil
}

func (t *table) chain(name string) *nftables.Chain {
	return t.conn.AddChain(&nftables.Chain{Table: t.Table, Name: name})
}

func (t *table) hook(name string, kind nftables.ChainType, at *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
	return t.conn.AddChain(&nftables.Chain{Table: t.Table, Name: name, Type: kind, Hooknum: at, Priority: priority})
}

func (t *table) rule(chain *nftables.Chain, match []expr.Any, then ...expr.Any) {
	t.conn.AddRule(&nftables.Rule{Table: t.Table, Chain: chain, Exprs: append(match, then...)})
}

func (t *table) jump(from, to *nftables.Chain) {
	t.rule(from, nil, &expr.Verdict{Kind: expr.VerdictJump, Chain: to.Name})
}

// translate adds the rules for what comes from pods and from processes of the node itself. Of two tables that translate one
// address, the kernel asks the one with the lower priority first, and the other one no more.
func (t *table) translate(rules []Rule, node netip.Addr, before nftables.ChainPriority) {
	translations := t.chain("translations")
	for _, rule := range rules {
		if rule.ByClient {
			t.addSticky(translations, rule)
		} else {
			t.addSpread(translations, rule)
		}
	}
	t.jump(t.hook("nat-prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityRef(*nftables.ChainPriorityNATDest-before)), translations)
	t.jump(t.hook("nat-output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityRef(*nftables.ChainPriorityNATDest-before)), translations)
	postrouting := t.hook("nat-postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	addHairpins(t.conn, t.Table, postrouting, rules, node)
}

// replaceServices makes the kernel translate exactly these Services.
func replaceServices(rules []Rule, cidr netip.Prefix, node, dns netip.Addr) error {
	t, err := newTable("eventrig-services")
	if err != nil {
		return err
	}
	t.translate(rules, node, 0)
	refuse := t.chain("refuse")
	addRefusals(t.conn, t.Table, refuse, rules, cidr, node, dns)
	t.jump(t.hook("filter-forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter), refuse)
	t.jump(t.hook("filter-output", nftables.ChainTypeFilter, nftables.ChainHookOutput, nftables.ChainPriorityFilter), refuse)
	return t.replace()
}

// addSpread spreads new connections evenly: the first of n endpoints takes one in n, the next one in n-1 of the rest.
func (t *table) addSpread(chain *nftables.Chain, rule Rule) {
	for i, endpoint := range rule.Endpoints {
		match := matchTo(rule)
		if left := len(rule.Endpoints) - i; left > 1 {
			match = append(match,
				&expr.Numgen{Register: 1, Modulus: uint32(left), Type: unix.NFT_NG_RANDOM},
				equals(1, binaryutil.NativeEndian.PutUint32(0)),
			)
		}
		t.rule(chain, match, toEndpoint(endpoint)...)
	}
}

// addSticky leads each client to one endpoint, chosen by the end of the client's address: pods have consecutive ones. It
// remembers nothing, so that a change of other endpoints, which replaces the table, takes no client away from its own.
func (t *table) addSticky(chain *nftables.Chain, rule Rule) {
	if len(rule.Endpoints) == 0 {
		return
	}
	for group, endpoint := range groupClients(rule.Endpoints) {
		match := append(matchTo(rule),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: sourceAddress, Len: 4},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.BigEndian.PutUint32(clientGroups - 1), Xor: make([]byte, 4)},
			equals(1, binaryutil.BigEndian.PutUint32(uint32(group))),
		)
		t.rule(chain, match, toEndpoint(endpoint)...)
	}
}

func toEndpoint(endpoint netip.AddrPort) []expr.Any {
	address := endpoint.Addr().As4()
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: address[:]},
		&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(endpoint.Port())},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
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
