package handlers

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// volumeSize is what a volume type that says nothing gets.
const volumeSize = "514GB"

// volumeTypeEvent are the project and the volume type that an event is about.
func (e *osloEvent) volumeTypeEvent() (project, kind string, err error) {
	if project = at(e.fields, "payload", "project_id"); project == "" {
		return "", "", raised("no project_id in event payload")
	}
	if kind = at(e.fields, "payload", "volume_type_id"); kind == "" {
		return "", "", raised("no volume_type_id in event payload")
	}
	return project, kind, nil
}

func volumeName(kind string) string { return "vol_" + strings.ReplaceAll(kind, "-", "") }

// volumeTypeAdded makes the volume of a type in the project's SVM, which must be there.
func volumeTypeAdded(ctx context.Context, e *osloEvent) (int, error) {
	project, kind, err := e.volumeTypeEvent()
	if err != nil {
		return 0, err
	}
	var answer struct {
		Type struct {
			Specs map[string]any `json:"extra_specs"`
		} `json:"volume_type"`
	}
	if err := e.cloud.call(ctx, http.MethodGet, blockStorage, "types/"+url.PathEscape(kind), nil, &answer); err != nil {
		return 0, err
	}
	size, ok := answer.Type.Specs["netapp:flexvol_size"].(string)
	if !ok {
		size = volumeSize
	}
	found, err := e.storage(ctx, project)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		e.log("WARNING", "SVM for project %s does not exist, skipping FlexVol creation", project)
		return exitFailure, e.save("volume_created", "False")
	}
	name := volumeName(kind)
	for _, one := range found {
		aggregate, err := one.backend.roomiest(ctx)
		if err != nil {
			return 0, err
		}
		if _, _, err := one.backend.ask(ctx, http.MethodPost, "storage/volumes", object{
			"name": name, "svm": object{"name": at(one.svm, "name")}, "aggregates": []object{{"name": aggregate}}, "size": size,
		}); err != nil {
			return 0, err
		}
		if _, err := one.backend.records(ctx, "storage/volumes", "name", name, "svm.name", at(one.svm, "name")); err != nil {
			return 0, err
		}
	}
	if err := e.save("volume_created", "True"); err != nil {
		return 0, err
	}
	return 0, e.save("volume_name", name)
}

// volumeTypeRemoved deletes the volume of a type, unless a namespace in it is mapped.
func volumeTypeRemoved(ctx context.Context, e *osloEvent) (int, error) {
	project, kind, err := e.volumeTypeEvent()
	if err != nil {
		return 0, err
	}
	found, err := e.storage(ctx, project)
	deleted := false
	for _, one := range found {
		var volumes []object
		if err == nil {
			volumes, err = one.backend.records(ctx, "storage/volumes", "name", volumeName(kind))
		}
		for _, volume := range volumes {
			if err == nil {
				_, _, err = one.backend.ask(ctx, http.MethodDelete, "storage/volumes/"+at(volume, "uuid"), nil)
				deleted = err == nil
			}
		}
	}
	if err != nil {
		e.log("ERROR", "Failed to delete FlexVol for volume type %s: %v", kind, err)
		return exitFailure, nil
	}
	if err := e.save("volume_deleted", pythonText(deleted)); err != nil {
		return 0, err
	}
	if !deleted {
		return exitFailure, nil
	}
	return 0, nil
}
