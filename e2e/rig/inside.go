package rig

import (
	"context"
	"net"
)

// Listen listens on the rig's own network, where pods and the API server reach it: for what a test serves itself, such as
// an admission webhook. 10.244.0.1 is the address of the node.
func (r *Rig) Listen(network, address string) (net.Listener, error) {
	return r.sandbox.Listen(network, address)
}

// Dial connects to an address on the rig's own network: a pod, a Service's cluster address, the node.
func (r *Rig) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return r.sandbox.Dial(ctx, network, address)
}
