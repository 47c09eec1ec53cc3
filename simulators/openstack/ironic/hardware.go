package ironic

import (
	"maps"
	"net/http"
	"slices"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// hardware is the hardware types that the conductor has, each with the interfaces that a node gets where it names none:
// what UnderStack enables for its servers, Ironic's own defaults for the rest.
var hardware = map[string]map[string]string{
	"redfish": {"bios": "redfish", "boot": "http-ipxe", "console": "no-console", "deploy": "direct", "firmware": "redfish", "inspect": "agent",
		"management": "redfish", "network": "neutron", "power": "redfish", "raid": "redfish", "rescue": "agent", "storage": "noop", "vendor": "redfish"},
	"idrac": {"bios": "idrac-redfish", "boot": "http-ipxe", "console": "no-console", "deploy": "direct", "firmware": "redfish", "inspect": "idrac-redfish",
		"management": "idrac-redfish", "network": "neutron", "power": "idrac-redfish", "raid": "idrac-redfish", "rescue": "agent", "storage": "noop", "vendor": "idrac-redfish"},
	"ilo5": {"bios": "ilo", "boot": "http-ipxe", "console": "no-console", "deploy": "direct", "firmware": "no-firmware", "inspect": "agent",
		"management": "ilo5", "network": "neutron", "power": "ilo", "raid": "ilo5", "rescue": "agent", "storage": "noop", "vendor": "ilo"},
	"ipmi": {"bios": "no-bios", "boot": "ipxe", "console": "no-console", "deploy": "direct", "firmware": "no-firmware", "inspect": "agent",
		"management": "ipmitool", "network": "neutron", "power": "ipmitool", "raid": "no-raid", "rescue": "agent", "storage": "noop", "vendor": "ipmitool"},
	"manual-management": {"bios": "no-bios", "boot": "ipxe", "console": "no-console", "deploy": "direct", "firmware": "no-firmware", "inspect": "no-inspect",
		"management": "noop", "network": "noop", "power": "agent", "raid": "no-raid", "rescue": "no-rescue", "storage": "noop", "vendor": "no-vendor"},
	// UnderStack's own, for network devices (ironic_understack/drivers/netdev_hardware.py).
	"netdev": {"bios": "no-bios", "boot": "ipxe", "console": "no-console", "deploy": "no-deploy", "firmware": "no-firmware", "inspect": "no-inspect",
		"management": "noop", "network": "neutron", "power": "fake", "raid": "no-raid", "rescue": "no-rescue", "storage": "noop", "vendor": "no-vendor"},
	"fake-hardware": {"bios": "fake", "boot": "fake", "console": "fake", "deploy": "fake", "firmware": "fake", "inspect": "fake",
		"management": "fake", "network": "noop", "power": "fake", "raid": "fake", "rescue": "fake", "storage": "noop", "vendor": "fake"},
}

// driverRoutes are the hardware types and the conductor.
func (i *Ironic) driverRoutes() []core.Route {
	show := func(r *core.Request, name string, detail bool) map[string]any {
		shown := map[string]any{"name": name, "hosts": []any{Conductor}, "links": links(r, "drivers/"+name), "properties": links(r, "drivers/"+name+"/properties")}
		if r.Minor >= 30 {
			shown["type"] = "dynamic"
		}
		if detail {
			for kind, usual := range hardware[name] {
				shown["default_"+kind+"_interface"], shown["enabled_"+kind+"_interfaces"] = usual, []any{usual}
			}
		}
		return shown
	}
	find := func(r *core.Request) (string, error) {
		name := r.PathValue("driver")
		if hardware[name] == nil {
			return "", core.Errorf(http.StatusNotFound, "Could not find the following driver(s) or hardware type(s): %s.", name)
		}
		return name, nil
	}
	conductor := func(r *core.Request) map[string]any {
		drivers := []any{}
		for _, name := range slices.Sorted(maps.Keys(hardware)) {
			drivers = append(drivers, name)
		}
		return map[string]any{"hostname": Conductor, "conductor_group": "", "alive": true, "drivers": drivers, "created_at": nil, "updated_at": i.stamp(),
			"links": links(r, "conductors/"+Conductor)}
	}
	return []core.Route{
		{Method: "GET", Path: "/v1/drivers", Do: func(r *core.Request) (*core.Answer, error) {
			detail, _ := core.Boolean(r.URL.Query().Get("detail"))
			shown := []any{}
			for _, name := range slices.Sorted(maps.Keys(hardware)) {
				shown = append(shown, show(r, name, detail))
			}
			return core.OK(map[string]any{"drivers": shown})
		}},
		{Method: "GET", Path: "/v1/drivers/{driver}", Do: func(r *core.Request) (*core.Answer, error) {
			name, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(show(r, name, true))
		}},
		{Method: "GET", Path: "/v1/drivers/{driver}/properties", Note: "the connection's only", Do: func(r *core.Request) (*core.Answer, error) {
			name, err := find(r)
			if err != nil {
				return nil, err
			}
			properties := map[string]any{}
			if name == "redfish" || name == "idrac" {
				properties["redfish_address"] = "The URL address to the Redfish controller. It must include the authority portion of the URL, and can optionally include the scheme. If the scheme is missing, https is assumed. For example: https://mgmt.vendor.com. Required."
			}
			return core.OK(properties)
		}},
		{Method: "GET", Path: "/v1/conductors", Do: func(r *core.Request) (*core.Answer, error) {
			if err := needs(r, sinceConductors); err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"conductors": []any{conductor(r)}})
		}},
		{Method: "GET", Path: "/v1/conductors/{host}", Do: func(r *core.Request) (*core.Answer, error) {
			if r.PathValue("host") != Conductor {
				return nil, core.Errorf(http.StatusNotFound, "Conductor %s could not be found.", r.PathValue("host"))
			}
			return core.OK(conductor(r))
		}},
	}
}
