package nautobot

import (
	"slices"
)

// showConfigContext merges what the contexts that apply to a record say, in the order of their weights, and last what is
// local to the record (ConfigContextModel.get_config_context of extras/models/models.py).
func showConfigContext(s *store, b []byte, _ *view, m *model, r *record) []byte {
	merged := map[string]any{}
	contexts := s.tables["extras/config-contexts"]
	contexts.ordered.Scan(func(c *record) bool {
		if data, ok := contexts.model.get(c, "data").(map[string]any); ok && s.contextApplies(contexts.model, c, m, r) {
			merged = deepMerge(merged, data)
		}
		return true
	})
	if local, ok := m.get(r, "local_config_context_data").(map[string]any); ok {
		merged = deepMerge(merged, local)
	}
	return appendJSON(b, merged)
}

// deepMerge puts other over base: objects in each other, all else in the place of what was there.
func deepMerge(base, other map[string]any) map[string]any {
	merged := make(map[string]any, len(base)+len(other))
	for name, value := range base {
		merged[name] = value
	}
	for name, value := range other {
		below, both := merged[name].(map[string]any)
		over, object := value.(map[string]any)
		if both && object {
			value = deepMerge(below, over)
		}
		merged[name] = value
	}
	return merged
}

// contextApplies says whether a context is for a device or virtual machine: each of its lists is empty or names what
// the record has (ConfigContextQuerySet.get_for_object of extras/querysets.py).
func (s *store) contextApplies(contexts *model, c *record, m *model, r *record) bool {
	if active, _ := contexts.get(c, "is_active").(bool); !active {
		return false
	}
	one := func(id string) []string {
		if id == "" {
			return nil
		}
		return []string{id}
	}
	_, tenant := s.follow(m, r, "tenant")
	_, deviceType := s.follow(m, r, "device_type")
	clusterModel, cluster := s.follow(m, r, "cluster")
	locationModel, location := s.follow(m, r, "location")
	if location == nil && cluster != nil {
		locationModel, location = s.follow(clusterModel, cluster, "location")
	}
	var tenantGroups, locations, families, clusters, clusterGroups []string
	if tenant != nil {
		groups, group := s.follow(s.schema.byPath["tenancy/tenants"], tenant, "tenant_group")
		tenantGroups = s.ancestors(groups, group)
	}
	if location != nil {
		locations = s.ancestors(locationModel, location)
	}
	if deviceType != nil {
		families = one(s.schema.byPath["dcim/device-types"].text(deviceType, "device_family"))
	}
	switch {
	case cluster != nil:
		clusters, clusterGroups = one(cluster.id), one(clusterModel.text(cluster, "cluster_group"))
	case m.path == "dcim/devices":
		assigned := s.tables["dcim/device-cluster-assignments"]
		assigned.where(assigned.model.field("device"), r.id).all(func(a *record) bool {
			if id := assigned.model.text(a, "cluster"); s.find("virtualization/clusters", id) != nil {
				clusters = append(clusters, id)
				group := s.schema.byPath["virtualization/clusters"].text(s.find("virtualization/clusters", id), "cluster_group")
				clusterGroups = append(clusterGroups, one(group)...)
			}
			return true
		})
	}
	tags, _ := m.get(r, "tags").([]string)
	for name, have := range map[string][]string{
		"locations": locations, "roles": one(m.text(r, "role")), "device_types": one(m.text(r, "device_type")), "device_families": families,
		"device_redundancy_groups": one(m.text(r, "device_redundancy_group")), "platforms": one(m.text(r, "platform")),
		"cluster_groups": clusterGroups, "clusters": clusters, "tenant_groups": tenantGroups, "tenants": one(m.text(r, "tenant")), "tags": tags,
	} {
		wanted, _ := contexts.get(c, name).([]string)
		if len(wanted) > 0 && !slices.ContainsFunc(have, func(id string) bool { return slices.Contains(wanted, id) }) {
			return false
		}
	}
	return true
}

// ancestors are a node of a tree and those above it.
func (s *store) ancestors(m *model, r *record) []string {
	var ids []string
	for ; r != nil && !slices.Contains(ids, r.id); _, r = s.follow(m, r, "parent") {
		ids = append(ids, r.id)
	}
	return ids
}

// checkContext refuses data that is not an object (ConfigContext.clean).
func checkContext(w *writer) {
	if _, ok := w.value("data").(map[string]any); !ok {
		w.issues.add("data", `JSON data must be in object form. Example: {"foo": 123}`)
	}
}
