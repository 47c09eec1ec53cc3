package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// svmTag on a project asks for storage.
const svmTag = "UNDERSTACK_SVM"

// svmEnabled asks Keystone whether a project wants storage, and leaves its tags as an output.
func (e *osloEvent) svmEnabled(ctx context.Context, project string) (bool, error) {
	found, err := e.cloud.identity(ctx, "project", project)
	if err != nil {
		return false, err
	}
	tags := found.Tags
	if tags == nil {
		tags = []any{}
	}
	shown, err := json.Marshal(tags)
	if err != nil {
		return false, fmt.Errorf("encode the tags: %w", err)
	}
	enabled := false
	for _, tag := range tags {
		enabled = enabled || tag == svmTag
	}
	return enabled, e.save("project_tags", string(shown))
}

// projectID is the project that an event is about. Keystone's basic format has no target.
func (e *osloEvent) projectID() (string, error) {
	payload, ok := e.fields["payload"].(object)
	if !ok {
		return "", raised("Invalid event. No 'payload'")
	}
	target, ok := payload["target"].(object)
	if !ok {
		return "", raised("no target information in payload")
	}
	id, ok := target["id"].(string)
	if !ok {
		return "", raised("no project_id found in payload")
	}
	return id, nil
}

// state leaves what became of the project's storage for the Workflow. What was not done is left to the template's defaults.
func (e *osloEvent) state(state, name string) error {
	if name == "" {
		name = "not_returned"
	}
	if err := e.save("svm_name", name); err != nil {
		return err
	}
	return e.save("svm_state", state)
}

// projectWithSVM is the event's project, and whether it is tagged for storage, which is an output.
func (e *osloEvent) projectWithSVM(ctx context.Context) (project string, enabled bool, err error) {
	if project, err = e.projectID(); err != nil {
		return "", false, err
	}
	if enabled, err = e.svmEnabled(ctx, project); err != nil {
		return "", false, err
	}
	return project, enabled, e.save("svm_enabled", pythonText(enabled))
}

// projectCreated makes the storage of a project that is tagged for it.
func projectCreated(ctx context.Context, e *osloEvent) (int, error) {
	project, enabled, err := e.projectWithSVM(ctx)
	if err != nil {
		return 0, err
	}
	if !enabled {
		e.log("INFO", "The %s is missing, not creating SVM.", svmTag)
		return 0, e.save("svm_state", "nonexistent")
	}
	return e.makeStorage(ctx, project)
}

func (e *osloEvent) makeStorage(ctx context.Context, project string) (int, error) {
	all, err := e.backends(netappConfig)
	name := ""
	for _, one := range all {
		if err == nil {
			name, err = one.createSVM(ctx, project)
		}
	}
	if err != nil {
		// The outputs are written in spite of the exception.
		return 0, errors.Join(err, e.state("unknown", ""))
	}
	if err := e.save("svm_created", "True"); err != nil {
		return 0, err
	}
	return 0, e.state("created", name)
}

// projectUpdated makes or removes storage as the tags say now. It takes a domain for a project.
func projectUpdated(ctx context.Context, e *osloEvent) (int, error) {
	project, enabled, err := e.projectWithSVM(ctx)
	if err != nil {
		return 0, err
	}
	found, err := e.storage(ctx, project)
	switch {
	case err != nil:
		return 0, errors.Join(err, e.state("unknown", ""))
	case enabled && len(found) == 0:
		return e.makeStorage(ctx, project)
	case enabled:
		if err := e.save("svm_created", "False"); err != nil {
			return 0, err
		}
		return 0, e.state("present", "")
	case len(found) == 0:
		return 0, e.state("nonexistent", "")
	}
	e.log("WARNING", "SVM os-%s exists on NetApp but project %s is no longer tagged with %s", project, project, svmTag)
	if err := e.removeStorage(ctx, found); err != nil {
		return 0, errors.Join(err, e.state("unknown", ""))
	}
	return 0, e.state("removed", "")
}

// projectDeleted removes a project's storage; it asks nobody but NetApp.
func projectDeleted(ctx context.Context, e *osloEvent) (int, error) {
	project, err := e.projectID()
	if err != nil {
		return 0, err
	}
	found, err := e.storage(ctx, project)
	if err == nil && len(found) > 0 {
		err = e.removeStorage(ctx, found)
	}
	if err != nil {
		return e.failed(err, "Failed to delete the SVM of project %s", project), e.save("svm_state", "unknown")
	}
	if len(found) > 0 {
		return 0, e.save("svm_state", "removed")
	}
	return 0, e.save("svm_state", "nonexistent")
}

// stored is a project's storage on one system.
type stored struct {
	backend backend
	svm     object
}

func (e *osloEvent) storage(ctx context.Context, project string) ([]stored, error) {
	all, err := e.backends(netappConfig)
	if err != nil {
		return nil, err
	}
	var found []stored
	for _, one := range all {
		svm, err := one.svm(ctx, project)
		if err != nil {
			return nil, err
		}
		if svm != nil {
			found = append(found, stored{one, svm})
		}
	}
	return found, nil
}

func (e *osloEvent) removeStorage(ctx context.Context, found []stored) error {
	for _, one := range found {
		if err := one.backend.removeSVM(ctx, one.svm); err != nil {
			return err
		}
	}
	return nil
}
