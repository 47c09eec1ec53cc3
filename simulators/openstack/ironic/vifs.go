package ironic

import (
	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// vifKey is where a port keeps the virtual interface that it carries (ironic/drivers/modules/network/common.py).
const vifKey = "tenant_vif_port_id"

// vifRoutes are the virtual interfaces of a node (NodeVIFController). Ironic saves them in its ports and tells nobody.
func (i *Ironic) vifRoutes() []core.Route {
	const path = "/v1/nodes/{ident}/vifs"
	nodes := i.kind("node")
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			if err := needs(r, sinceVIFs); err != nil {
				return nil, err
			}
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			vifs := []any{}
			for _, carrier := range i.carriers(node) {
				if vif := carrier.Object("internal_info")[vifKey]; vif != nil {
					vifs = append(vifs, map[string]any{"id": vif})
				}
			}
			return core.OK(map[string]any{"vifs": vifs})
		}},
		{Method: "POST", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			if err := needs(r, sinceVIFs); err != nil {
				return nil, err
			}
			node, given, err := i.nodeAndBody(r)
			if err != nil {
				return nil, err
			}
			vif, ok := given["id"].(string)
			if !ok {
				return nil, badRequest("Schema error for vif: 'id' is a required property  Failed validating 'required' in schema")
			}
			if err := i.attach(r.Context(), r.Caller, node, vif, given); err != nil {
				return nil, err
			}
			return core.NoContent()
		}},
		{Method: "DELETE", Path: path + "/{vif}", Do: func(r *core.Request) (*core.Answer, error) {
			if err := needs(r, sinceVIFs); err != nil {
				return nil, err
			}
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			for _, carrier := range i.carriers(node) {
				if carrier.Object("internal_info")[vifKey] == r.PathValue("vif") {
					changed := carrier.Clone()
					delete(changed.Object("internal_info"), vifKey)
					table, _ := i.carrierTable(carrier)
					table.Put(r.Context(), changed)
					return core.NoContent()
				}
			}
			return nil, badRequest("Unable to detach VIF %s from node %s because it is not attached to it.", r.PathValue("vif"), node.Text("uuid"))
		}},
	}
}
