package nautobot

import (
	"fmt"
	"slices"
	"strings"
)

// What a table of fields cannot say is here and in the files named after what they are about: by the path of the
// model, in the words of the model's clean() in Nautobot.
var (
	// derivations run before the uniqueness of sets is looked at: they fill in fields that follow from others.
	derivations map[string]func(w *writer)
	// rules check what concerns several fields or other records.
	rules map[string]func(w *writer)
	// afterWrite does what follows from a stored record.
	afterWrite map[string]func(w *writer)
	// beforeDelete runs before a record's dependants are looked for.
	beforeDelete map[string]func(t *transaction, m *model, r *record) error
)

func init() {
	derivations = map[string]func(w *writer){
		"ipam/prefixes":          derivePrefix,
		"ipam/ip-addresses":      deriveAddress,
		"ipam/vrfs":              deriveNamespace,
		"extras/notes":           deriveNote,
		"extras/custom-fields":   deriveKey,
		"extras/computed-fields": deriveKey,
		"extras/relationships":   deriveKey,
		"users/tokens":           deriveToken,
		"dcim/rack-reservations": deriveReservation,
	}
	rules = map[string]func(w *writer){
		"dcim/devices":                     checkDevice,
		"dcim/interfaces":                  checkInterface,
		"dcim/console-ports":               checkComponent,
		"dcim/console-server-ports":        checkComponent,
		"dcim/power-ports":                 checkComponent,
		"dcim/power-outlets":               checkComponent,
		"dcim/rear-ports":                  checkComponent,
		"dcim/front-ports":                 checkFrontPort,
		"dcim/device-bays":                 checkDeviceBay,
		"dcim/module-bays":                 checkModuleBay,
		"dcim/cables":                      checkCable,
		"dcim/locations":                   checkLocation,
		"dcim/location-types":              checkTree,
		"dcim/rack-groups":                 checkTree,
		"dcim/inventory-items":             checkTree,
		"tenancy/tenant-groups":            checkTree,
		"dcim/racks":                       func(w *writer) { w.checkLocationType("Racks") },
		"dcim/power-panels":                func(w *writer) { w.checkLocationType("Power panels") },
		"virtualization/clusters":          func(w *writer) { w.checkLocationType("Clusters") },
		"virtualization/virtual-machines":  checkPrimaryAddresses,
		"virtualization/interfaces":        checkMode,
		"ipam/ip-addresses":                checkAddress,
		"ipam/ip-address-to-interface":     checkAssignment,
		"ipam/vlan-groups":                 checkVLANGroup,
		"ipam/vlans":                       checkVLAN,
		"ipam/services":                    checkService,
		"ipam/vrf-device-assignments":      checkVRFAssignment,
		"ipam/vrf-prefix-assignments":      checkVRFPrefix,
		"circuits/circuit-terminations":    checkTermination,
		"extras/notes":                     checkAssigned,
		"extras/contact-associations":      checkContact,
		"extras/relationship-associations": checkAssociation,
		"extras/config-contexts":           checkContext,
	}
	afterWrite = map[string]func(w *writer){
		"dcim/devices":  instantiateComponents,
		"ipam/prefixes": reparent,
	}
	beforeDelete = map[string]func(t *transaction, m *model, r *record) error{
		"ipam/prefixes": releaseChildren,
	}
}

// checkTree refuses a node below itself (django-tree-queries).
func checkTree(w *writer) {
	parent := w.m.field("parent")
	seen := map[string]bool{w.r.id: true}
	for id := w.text("parent"); id != ""; {
		if seen[id] {
			w.issues.add(allField, "A node cannot be made a descendant of itself.")
			return
		}
		seen[id] = true
		r := w.s.store.find(w.m.path, id)
		if r == nil {
			return
		}
		id, _ = r.values[parent.at].(string)
	}
}

// checkLocationType refuses a location whose type is not for this kind of record.
func (w *writer) checkLocationType(plural string) {
	m, location := w.other("location")
	if location == nil {
		return
	}
	typeModel, locationType := w.s.store.follow(m, location, "location_type")
	if locationType == nil {
		return
	}
	if kinds, _ := typeModel.get(locationType, "content_types").([]string); !slices.Contains(kinds, w.m.kind) {
		w.issues.add("location", fmt.Sprintf(`%s may not associate to locations of type "%s".`, plural, typeModel.text(locationType, "name")))
	}
}

func checkLocation(w *writer) {
	checkTree(w)
	types, locationType := w.other("location_type")
	if locationType == nil {
		return
	}
	name := types.text(locationType, "name")
	m, parent := w.other("parent")
	_, parentType := w.s.store.follow(types, locationType, "parent")
	nestable, _ := types.get(locationType, "nestable").(bool)
	switch {
	case parent == nil && parentType != nil:
		if nestable {
			w.issues.add("parent", fmt.Sprintf("A Location of type %s must have a parent Location of the same type or of type %s.", name, types.text(parentType, "name")))
			return
		}
		w.issues.add("parent", fmt.Sprintf("A Location of type %s must have a parent Location.", name))
	case parent != nil:
		ofType := m.text(parent, "location_type")
		switch {
		case parentType == nil && !nestable:
			w.issues.add("parent", fmt.Sprintf("A Location of type %s must not have a parent Location.", name))
		case nestable && ofType == locationType.id, parentType != nil && ofType == parentType.id:
		case nestable && parentType == nil:
			w.issues.add("parent", fmt.Sprintf("A Location of type %s can only have a Location of the same type as its parent.", name))
		case nestable:
			w.issues.add("parent", fmt.Sprintf("A Location of type %s can only have a Location of the same type or of type %s as its parent.", name, types.text(parentType, "name")))
		default:
			w.issues.add("parent", fmt.Sprintf("A Location of type %s can only have a Location of type %s as its parent.", name, types.text(parentType, "name")))
		}
	default:
		w.s.store.tables[w.m.path].where(w.m.field("name"), w.text("name")).all(func(r *record) bool {
			if r.id != w.r.id && w.m.get(r, "parent") == nil {
				w.issues.add("name", "A root-level location with this name already exists.")
				return false
			}
			return true
		})
	}
}

// deriveKey is the key that custom and computed fields and relationships get from their labels (slugify_dashes_to_underscores).
func deriveKey(w *writer) {
	if w.text("key") == "" {
		w.m.set(w.r, "key", strings.ReplaceAll(string(slug(nil, w.text("label"))), "-", "_"))
	}
}

func deriveReservation(w *writer) {
	if w.old == nil && w.value("user") == nil {
		w.m.set(w.r, "user", w.actor.userID)
	}
}

func deriveNote(w *writer) {
	if w.old == nil {
		w.m.set(w.r, "user_name", w.actor.userName)
		if w.actor.userID != "" {
			w.m.set(w.r, "user", w.actor.userID)
		}
	}
}

// checkAssigned refuses a note on nothing (NoteSerializer, extras/api/serializers.py).
func checkAssigned(w *writer) {
	kind, id := w.text("assigned_object_type"), w.text("assigned_object_id")
	m := w.s.schema.byKind[kind]
	if m != nil && w.s.store.find(m.path, id) == nil {
		w.issues.add(nonField, fmt.Sprintf("Invalid parent object: %s ID %s", w.s.schema.typeName(kind), id))
	}
}

func checkContact(w *writer) {
	contact, team := w.value("contact"), w.value("team")
	switch {
	case contact != nil && team != nil:
		w.issues.add(allField, "Either a contact or a team must be selected, not both.")
	case contact == nil && team == nil:
		w.issues.add(allField, "Either a contact or a team must be selected.")
	}
}

// appNames are the verbose names of Nautobot's apps, as Django writes a content type: "DCIM | interface".
var appNames = map[string]string{"dcim": "DCIM", "ipam": "IPAM"}

func (s *schema) typeName(kind string) string {
	app, name, _ := strings.Cut(kind, ".")
	if m := s.byKind[kind]; m != nil {
		name = m.verbose
	}
	if upper, ok := appNames[app]; ok {
		return upper + " | " + name
	}
	return capital(app) + " | " + name
}

func checkTermination(w *writer) {
	places := 0
	for _, name := range []string{"location", "provider_network"} {
		if w.value(name) != nil {
			places++
		}
	}
	switch places {
	case 0:
		w.issues.add(allField, "A circuit termination must attach to a location, a provider network or a cloud network.")
	case 2:
		w.issues.add(allField, "A circuit termination cannot attach to more than one location, provider network or cloud network.")
	}
}
