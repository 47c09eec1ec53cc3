// Package service makes Services reachable at their cluster addresses, for pods and for processes of the node itself, by
// destination NAT in the kernel.
//
// In: Services and EndpointSlices from shared informers. Out: one nftables table, replaced as a whole whenever its rules change.
package service

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"

	"k8s.io/apimachinery/pkg/labels"
	coreinformers "k8s.io/client-go/informers/core/v1"
	discoveryinformers "k8s.io/client-go/informers/discovery/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Config says what to translate and for whom.
type Config struct {
	Services       coreinformers.ServiceInformer
	EndpointSlices discoveryinformers.EndpointSliceInformer
	NodeIP         net.IP
	ServiceCIDR    string
	DNSIP          net.IP // answered by a process of the node, not by endpoints
}

// Proxy keeps the kernel's translation in step with the cluster.
type Proxy struct {
	config  Config
	cidr    netip.Prefix
	node    netip.Addr
	dns     netip.Addr
	changed chan struct{}
	synced  []cache.InformerSynced
	applied []Rule
}

// New subscribes to the informers; the caller starts them afterwards.
func New(c Config) (*Proxy, error) {
	cidr, err := netip.ParsePrefix(c.ServiceCIDR)
	if err != nil {
		return nil, fmt.Errorf("read the Services' address range: %w", err)
	}
	node, ok := netip.AddrFromSlice(c.NodeIP.To4())
	if !ok {
		return nil, fmt.Errorf("the node's address %v is not IPv4", c.NodeIP)
	}
	dns, _ := netip.AddrFromSlice(c.DNSIP.To4())
	p := &Proxy{config: c, cidr: cidr, node: node, dns: dns, changed: make(chan struct{}, 1)}
	for _, informer := range []cache.SharedIndexInformer{c.Services.Informer(), c.EndpointSlices.Informer()} {
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { p.poke() },
			UpdateFunc: func(any, any) { p.poke() },
			DeleteFunc: func(any) { p.poke() },
		})
		if err != nil {
			return nil, fmt.Errorf("watch Services: %w", err)
		}
		p.synced = append(p.synced, registration.HasSynced)
	}
	return p, nil
}

// poke notes a change. Those that come while the kernel is being told become one: that is all the debouncing there is.
func (p *Proxy) poke() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Run applies each change until ctx ends.
func (p *Proxy) Run(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), p.synced...) {
		return
	}
	p.poke()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
			if err := p.sync(); err != nil {
				klog.ErrorS(err, "The Services' addresses are out of date until the next change")
			}
		}
	}
}

func (p *Proxy) sync() error {
	services, err := p.config.Services.Lister().List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list Services: %w", err)
	}
	slices, err := p.config.EndpointSlices.Lister().List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list EndpointSlices: %w", err)
	}
	rules := Compile(services, slices, p.node)
	if p.applied != nil && reflect.DeepEqual(rules, p.applied) {
		return nil
	}
	if err := replaceServices(rules, p.cidr, p.node, p.dns); err != nil {
		return err
	}
	p.applied = rules
	return nil
}
