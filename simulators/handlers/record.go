package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// serialized is what pynautobot compares and sends of a field: a related record's id, a choice's value.
func serialized(value any) any {
	fields, ok := value.(object)
	if !ok {
		return value
	}
	if id, ok := fields["id"]; ok {
		return id
	}
	if choice, ok := fields["value"]; ok {
		return choice
	}
	return value
}

// save is Record.save(): it sends the fields that are not what they were, or nothing.
func (c nautobotClient) save(ctx context.Context, path string, record, wanted object) error {
	changed := object{}
	for name, value := range wanted {
		if serialized(record[name]) != value {
			changed[name] = value
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := c.do(ctx, http.MethodPatch, c.endpoint(path+"/"+text(record, "id")), changed, nil); err != nil {
		return err
	}
	for name, value := range changed {
		record[name] = value
	}
	return nil
}

// remove is Record.delete().
func (c nautobotClient) remove(ctx context.Context, path, id string) error {
	return c.do(ctx, http.MethodDelete, c.endpoint(path+"/"+id), nil, nil)
}

// one is get(**filters) for filters that are plain.
func (c nautobotClient) one(ctx context.Context, path string, filters ...string) (object, error) {
	query := url.Values{}
	for i := 0; i+1 < len(filters); i += 2 {
		query.Set(filters[i], filters[i+1])
	}
	return c.get(ctx, path, query)
}

// whole reads the rest of a record that another one holds the id and address of.
func (c nautobotClient) whole(ctx context.Context, path string, of any) (object, error) {
	id := text(object{"": of}, "")
	found, err := c.detail(ctx, path, id)
	if err == nil && found == nil {
		err = fmt.Errorf("AttributeError: %s/%s is gone", path, id)
	}
	return found, err
}

// text is a field as a text: of a related record its id, of a choice its value, "" for null.
func text(record object, name string) string {
	switch value := serialized(record[name]).(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		return fmt.Sprint(value)
	}
}
