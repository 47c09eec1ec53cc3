package nova

import (
	"net/http"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

func (n *Nova) createServer(r *core.Request) (*core.Answer, error) {
	given, err := r.Inner("server")
	if err != nil {
		return nil, err
	}
	if wrong := createFields.CheckKnown(given, true); wrong != nil {
		return nil, core.Invalid(wrong)
	}
	if strings.TrimSpace(given.Text("name")) == "" {
		return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute name. Value: %s. '%s' is too short", given.Text("name"), given.Text("name"))
	}
	reference := core.Str(given["flavorRef"])
	flavor := n.flavors.Get(reference[strings.LastIndex(reference, "/")+1:])
	if flavor == nil {
		return nil, core.Errorf(http.StatusBadRequest, "Flavor %s could not be found.", reference)
	}
	made := serverFields.New()
	made["id"], made["name"], made["project_id"], made["user_id"] = n.cloud.UUID(), given["name"], r.Caller.ProjectID, r.Caller.UserID
	made["flavor_id"] = flavor["id"]
	for from, to := range map[string]string{"metadata": "metadata", "imageRef": "image_id", "key_name": "key_name", "description": "description", "availability_zone": "availability_zone"} {
		if given[from] != nil {
			made[to] = given[from]
		}
	}
	if err := checkMetadata(made.Object("metadata")); err != nil {
		return nil, err
	}
	networks, _ := given["networks"].([]any)
	for _, one := range networks {
		object, ok := one.(map[string]any)
		if !ok {
			return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute networks. Value: %s. %s is not of type 'object'", core.Str(one), core.Repr(one))
		}
		if id, has := object["uuid"].(string); has && !n.network.HasNetwork(id) {
			return nil, core.Errorf(http.StatusBadRequest, "Network %s could not be found.", id)
		}
	}
	n.stamp(made)
	id := made.Text("id")
	if err := n.build(r.Context(), r.Caller, made, flavor, networks); err != nil {
		return nil, err
	}
	return core.Accepted(map[string]any{"server": map[string]any{"id": id, "links": links(r, "servers/"+id), "OS-DCF:diskConfig": "MANUAL", "adminPass": n.cloud.Hex()[:12], "security_groups": []any{map[string]any{"name": "default"}}}})
}

// asBadRequest is another service's refusal as Nova passes it on.
func asBadRequest(err error) error {
	return core.Errorf(http.StatusBadRequest, "%s", err.Error())
}
