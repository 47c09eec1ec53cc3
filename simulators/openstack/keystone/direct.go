package keystone

import (
	"context"
	"fmt"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// What follows is for callers from Go: an administrator who may also choose identifiers.

func (k *Keystone) kindOf(existing core.Resource) kind {
	if existing.Flag("is_domain") {
		return k.kinds()[1]
	}
	return k.kinds()[0]
}

// CreateProject makes a project in a domain, named by id or name; without an id it draws one. It returns the id.
func (k *Keystone) CreateProject(ctx context.Context, domain, name, id string) (string, error) {
	parent := k.domains.Find(func(d core.Resource) bool { return d["id"] == domain || d["name"] == domain })
	if parent == nil {
		return "", notFound("domain", domain)
	}
	return k.createAs(ctx, k.kinds()[0], core.Resource{"name": name, "domain_id": parent["id"]}, id)
}

// CreateDomain makes a domain and returns its id.
func (k *Keystone) CreateDomain(ctx context.Context, name, id string) (string, error) {
	return k.createAs(ctx, k.kinds()[1], core.Resource{"name": name}, id)
}

func (k *Keystone) createAs(ctx context.Context, of kind, fields core.Resource, id string) (string, error) {
	if id != "" {
		fields["id"] = id
	}
	made, err := k.create(ctx, nil, of, fields)
	if err != nil {
		return "", fmt.Errorf("create %s %s: %w", of.singular, fields.Text("name"), err)
	}
	return made.Text("id"), nil
}

// UpdateProject changes fields of a project or domain.
func (k *Keystone) UpdateProject(ctx context.Context, id string, fields map[string]any) error {
	existing := k.project(id)
	if existing == nil {
		return notFound("project", id)
	}
	if _, err := k.update(ctx, nil, k.kindOf(existing), existing, fields); err != nil {
		return fmt.Errorf("update project %s: %w", id, err)
	}
	return nil
}

// DeleteProject deletes a project, or a domain whether it is enabled or not.
func (k *Keystone) DeleteProject(ctx context.Context, id string) error {
	existing := k.project(id)
	if existing == nil {
		return notFound("project", id)
	}
	k.remove(ctx, nil, k.kindOf(existing), id)
	return nil
}
