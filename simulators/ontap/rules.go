package ontap

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// danglingReferences are the answers to references that lead nowhere, by collection and field (NetApp/trident,
// storage_drivers/ontap/api/rest/client, the error tables of each call).
var danglingReferences = map[string]struct{ code, message string }{
	"svm/svms aggregates.name":                             {"13434909", "Internal Error. Failed to identify the aggregate to host SVM root volume."},
	"svm/svms aggregates.uuid":                             {"13434909", "Internal Error. Failed to identify the aggregate to host SVM root volume."},
	"svm/svms ipspace.name":                                {"13434912", "Failed to find IPspace."},
	"storage/namespaces svm.name":                          {"2621462", "The supplied SVM does not exist."},
	"storage/namespaces svm.uuid":                          {"2621462", "The supplied SVM does not exist."},
	"storage/namespaces location.volume.name":              {"917927", "The specified volume was not found."},
	"storage/namespaces location.volume.uuid":              {"917927", "The specified volume was not found."},
	"storage/volumes svm.name":                             {"2621462", "The supplied SVM does not exist."},
	"storage/volumes svm.uuid":                             {"2621462", "The supplied SVM does not exist."},
	"network/ip/interfaces svm.name":                       {"1967146", "The specified svm.name is not valid."},
	"network/ip/interfaces svm.uuid":                       {"1967147", "The specified svm.uuid is not valid."},
	"network/ip/interfaces location.home_port.uuid":        {"1967129", "The specified location.home_port.uuid is not valid."},
	"network/ip/interfaces location.home_port.name":        {"1967130", "The specified location.home_port.name is not valid."},
	"network/ip/interfaces location.broadcast_domain.uuid": {"1967135", "The specified location.broadcast_domain.uuid is not valid."},
	"network/ip/interfaces location.broadcast_domain.name": {"1967136", "The specified location.broadcast_domain.name (and ipspace name) is not valid."},
	"network/ethernet/ports node.uuid":                     {"1967084", "The specified node UUID is not valid."},
	"network/ethernet/ports node.name":                     {"1967085", "The specified node name is not valid."},
	"network/ethernet/ports broadcast_domain.uuid":         {"1967087", "The specified broadcast domain UUID is not valid."},
	"network/ethernet/ports broadcast_domain.name":         {"1967088", "The specified broadcast domain name does not exist in the specified IPspace."},
	"network/ethernet/ports vlan.base_port.uuid":           {"1967090", "The specified VLAN base port UUID is not valid."},
	"network/ethernet/ports vlan.base_port.name":           {"1967091", "The specified VLAN base port name and node name are not valid."},
	"network/ip/routes svm.name":                           {"1967146", "The specified svm.name is not valid."},
	"network/ip/routes svm.uuid":                           {"2", "The specified svm.uuid is not valid."},
}

// check checks a record that is to be created (old is nil) or changed, and sets what ONTAP sets.
func (s *Server) check(o *operation, c *collection, old, r record) error {
	switch c.path {
	case "svm/svms":
		return s.svmRules(o, old, r)
	case "storage/volumes":
		return s.volumeRules(old, r)
	case "storage/namespaces":
		return s.namespaceRules(old, r)
	case "network/ethernet/ports":
		return s.portRules(o, old, r)
	case "network/ip/interfaces":
		return s.interfaceRules(r)
	case "network/ip/routes":
		return s.routeRules(r)
	}
	if !c.noName && r.text("name") == "" {
		return refuse(400, codeGeneral, "name", "A record of %s needs a name.", c.path)
	}
	return nil
}

// release checks that a record may go, and takes with it what goes too.
func (s *Server) release(o *operation, c *collection, r record) error {
	switch c.path {
	case "svm/svms":
		return s.releaseSVM(o, r)
	case "storage/volumes":
		return s.releaseVolume(o, r)
	case "storage/namespaces":
		return s.releaseNamespace(o, r)
	case "network/ethernet/ports":
		return s.releasePort(r)
	}
	return nil
}

// taken says whether another record has the same values in all of the fields.
func (s *Server) taken(path string, r record, fields ...string) bool {
	for _, other := range s.store.all(path) {
		same := other.id() != r.id()
		for _, name := range fields {
			same = same && fmt.Sprint(other.value(name)) == fmt.Sprint(r.value(name))
		}
		if same {
			return true
		}
	}
	return false
}

// below returns the records of a collection that refer to an SVM.
func (s *Server) below(path, svm string) []record {
	var found []record
	for _, r := range s.store.all(path) {
		if r.text("svm.uuid") == svm {
			found = append(found, r)
		}
	}
	return found
}

func (s *Server) ipspace(name string) map[string]any {
	for _, r := range s.store.all("network/ipspaces") {
		if r.text("name") == name {
			return map[string]any{"uuid": r.id()}
		}
	}
	return nil
}

func (s *Server) svmRules(o *operation, old, r record) error {
	name, rootName, style := r.text("name"), r.text("root_volume.name"), r.text("root_volume.security_style")
	delete(r, "root_volume") // ONTAP takes it and keeps it as a volume
	switch {
	case name == "":
		return refuse(400, "13434884", "name", "Cannot create an SVM because of incorrect fields.")
	case len(name) > 47:
		return refuse(400, "13434911", "name", `Invalid SVM name. Maximum supported length is 41 if SVM is of type "sync-source", otherwise 47.`)
	case s.taken("svm/svms", r, "name"):
		return refuse(409, "13434908", "name", "Invalid SVM name. The name is already in use by another SVM, IPSpace or cluster.")
	}
	if old != nil {
		return nil
	}
	r.setDefault("state", "running")
	r.setDefault("subtype", "default")
	r.setDefault("language", "c.utf_8")
	r.setDefault("comment", "")
	r.setDefault("max_volumes", "unlimited")
	r.setDefault("snapshot_policy.name", "default")
	r.setDefault("ndmp.allowed", false)
	r.setDefault("ipspace", s.ipspace("Default"))
	for _, protocol := range []string{"nvme", "iscsi", "nfs", "cifs", "fcp"} {
		r.setDefault(protocol+".enabled", false)
		r.setDefault(protocol+".allowed", r.value(protocol+".enabled"))
	}
	if r.value("aggregates") == nil {
		r.set("aggregates", []any{})
	}
	if rootName == "" {
		rootName = strings.NewReplacer("-", "_", ".", "_").Replace(name) + "_root"
	}
	if style == "" {
		style = "unix"
	}
	home, _ := r.value("aggregates").([]any)
	if len(home) == 0 {
		for _, aggregate := range s.store.all("storage/aggregates")[:1] {
			home = []any{map[string]any{"uuid": aggregate.id()}}
		}
	}
	s.store.put("svm/svms", r) // the volume refers to it
	_, err := s.create(&operation{ctx: o.ctx, fromWorld: true, changes: o.changes}, byPath["storage/volumes"], map[string]any{
		"name": rootName, "svm": map[string]any{"uuid": r.id()}, "aggregates": []any{home[0]}, "size": 1 << 30,
		"is_svm_root": true, "nas": map[string]any{"security_style": style, "path": "/"},
	})
	return err
}

// releaseSVM refuses an SVM that has data volumes, as ONTAP does; everything else of it goes with it.
func (s *Server) releaseSVM(o *operation, r record) error {
	for _, volume := range s.below("storage/volumes", r.id()) {
		if volume.value("is_svm_root") != true {
			return refuse(400, codeGeneral, "", "SVM %q has the volume %q: volumes other than its root volume must be deleted first.", r.text("name"), volume.text("name"))
		}
	}
	for _, path := range []string{"network/ip/routes", "network/ip/interfaces", "storage/namespaces", "storage/volumes"} {
		for _, other := range s.below(path, r.id()) {
			s.drop(o, path, other)
		}
	}
	return nil
}

var volumeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,202}$`)

func (s *Server) volumeRules(old, r record) error {
	aggregates, _ := r.value("aggregates").([]any)
	switch {
	case r.value("svm") == nil:
		return refuse(400, "2621707", "svm", `No SVM was specified. Either "svm.name" or "svm.uuid" must be supplied.`)
	case !volumeName.MatchString(r.text("name")):
		return refuse(400, codeGeneral, "name", "Invalid volume name %q: it begins with a letter or an underscore and has letters, digits and underscores only, up to 203.", r.text("name"))
	case s.taken("storage/volumes", r, "name", "svm.uuid"):
		return refuse(409, "917526", "name", "The volume name specified is a duplicate.")
	case len(aggregates) == 0:
		return refuse(400, "787140", "aggregates", `One of "aggregates.uuid", "aggregates.name", or "style" must be provided.`)
	case len(aggregates) > 1:
		return refuse(400, "918242", "aggregates", `When creating a flexible volume, exactly one aggregate must be specified via either "aggregates.name" or "aggregates.uuid".`)
	case old != nil && old.text("svm.uuid") != r.text("svm.uuid"):
		return refuse(400, codeNotSettable, "svm", "Field %q cannot be set in this operation", "svm")
	}
	if r.value("size") == nil {
		r.set("size", int64(20<<20))
	}
	if total, ok := r.value("size").(int64); ok && total < 20<<20 {
		return refuse(400, codeGeneral, "size", "The size %d is too small for a volume: it has at least 20 MB.", total)
	}
	r.setDefault("state", "online")
	r.setDefault("style", "flexvol")
	r.setDefault("type", "rw")
	r.setDefault("is_svm_root", false)
	r.setDefault("guarantee.type", "volume")
	r.setDefault("snapshot_policy.name", "default")
	r.setDefault("nas.security_style", "unix")
	r.setDefault("create_time", s.timestamp())
	r.setDefault("language", s.store.get("svm/svms", r.text("svm.uuid")).text("language"))
	r.setDefault("space.used", int64(0))
	total, _ := r.value("size").(int64)
	used, _ := r.value("space.used").(int64)
	r.set("space.size", total)
	r.set("space.available", max(total-used, 0))
	return nil
}

// releaseVolume takes a volume's namespaces with it, unless one is mapped to a subsystem.
func (s *Server) releaseVolume(o *operation, r record) error {
	if r.value("is_svm_root") == true {
		return refuse(400, codeGeneral, "", "The volume %q is the root volume of its SVM: delete the SVM.", r.text("name"))
	}
	var inside []record
	for _, namespace := range s.below("storage/namespaces", r.text("svm.uuid")) {
		if namespace.text("location.volume.uuid") != r.id() {
			continue
		}
		if namespace.value("status.mapped") == true && !o.flag("allow_delete_while_mapped") && !o.flag("force") {
			return refuse(400, codeGeneral, "", "The volume %q has the NVMe namespace %q, which is mapped.", r.text("name"), namespace.text("name"))
		}
		inside = append(inside, namespace)
	}
	for _, namespace := range inside {
		s.drop(o, "storage/namespaces", namespace)
	}
	return nil
}

func (s *Server) namespaceRules(old, r record) error {
	if r.value("svm") == nil {
		return refuse(400, "2621707", "svm", "No SVM was specified. Either `svm.name` or `svm.uuid` must be supplied.")
	}
	// /vol/VOLUME/NAME
	parts := strings.Split(r.text("name"), "/")
	if len(parts) != 4 || parts[0] != "" || parts[1] != "vol" || parts[3] == "" {
		return refuse(400, "5374352", "name", "An invalid name was provided for the NVMe namespace.")
	}
	var volume record
	for _, candidate := range s.below("storage/volumes", r.text("svm.uuid")) {
		if candidate.text("name") == parts[2] {
			volume = candidate
		}
	}
	switch {
	case volume == nil:
		return refuse(400, "917927", "name", "The specified volume was not found.")
	case r.value("location.volume") != nil && r.text("location.volume.uuid") != volume.id():
		return refuse(400, "5374858", "location.volume", "The volume specified by `name` is not the same as that specified by `location.volume`.")
	case volume.value("is_svm_root") == true:
		return refuse(400, "72089727", "name", "NVMe namespaces cannot be created on an SVM root volume.")
	case s.taken("storage/namespaces", r, "name", "svm.uuid"):
		return refuse(409, "72089725", "name", "A LUN or NVMe namespace already exists at the specified path.")
	}
	if old == nil && r.value("space.size") == nil {
		return refuse(400, "72090013", "space.size", "The property is required except when creating an NVMe namespace clone. The `target` property of the error object identifies the property.")
	}
	r.set("location.volume", map[string]any{"uuid": volume.id()})
	r.set("location.namespace", parts[3])
	r.setDefault("os_type", "linux")
	r.setDefault("enabled", true)
	r.setDefault("space.block_size", int64(4096))
	r.setDefault("status.state", "online")
	r.setDefault("status.mapped", false)
	r.setDefault("create_time", s.timestamp())
	return nil
}

func (s *Server) releaseNamespace(o *operation, r record) error {
	if r.value("status.mapped") == true && !o.flag("allow_delete_while_mapped") {
		return refuse(400, codeGeneral, "", "The NVMe namespace %q is mapped.", r.text("name"))
	}
	return nil
}

// address checks that a field is an IP address, and gives its family as ONTAP names it.
func address(r record, name string) (family string, err error) {
	parsed, err := netip.ParseAddr(r.text(name))
	switch {
	case err != nil || parsed.Zone() != "":
		return "", invalid(name, r.value(name), "IP address")
	case parsed.Is4():
		return "ipv4", nil
	}
	return "ipv6", nil
}
