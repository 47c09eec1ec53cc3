package keystone

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// tagged applies the tag filters: tags and not-tags need all, tags-any and not-tags-any one.
func tagged(candidate core.Resource, query url.Values) bool {
	has := func(tag string) bool { return slices.Contains(candidate.List("tags"), any(tag)) }
	for name, fits := range map[string]func([]string) bool{
		"tags":         func(tags []string) bool { return !slices.ContainsFunc(tags, func(t string) bool { return !has(t) }) },
		"tags-any":     func(tags []string) bool { return slices.ContainsFunc(tags, has) },
		"not-tags":     func(tags []string) bool { return slices.ContainsFunc(tags, func(t string) bool { return !has(t) }) },
		"not-tags-any": func(tags []string) bool { return !slices.ContainsFunc(tags, has) },
	} {
		if query.Has(name) && !fits(strings.Split(query.Get(name), ",")) {
			return false
		}
	}
	return true
}

func checkTag(tag any) error {
	text, ok := tag.(string)
	switch {
	case !ok:
		return badRequest("Invalid input for field 'tags': %s is not of type 'string'", core.Repr(tag))
	case text == "" || utf8.RuneCountInString(text) > 255 || strings.ContainsAny(text, "/,"):
		return badRequest("Invalid input for field 'tags': %s does not match '^[^,/]*$'", core.Repr(tag))
	}
	return nil
}

func (k *Keystone) tagRoutes() []core.Route {
	projects := k.kinds()[0]
	const path = "/v3/projects/{id}/tags"
	find := func(r *core.Request) (core.Resource, error) {
		if found := k.projects.Get(r.PathValue("id")); found != nil {
			return found, nil
		}
		return nil, notFound("project", r.PathValue("id"))
	}
	// store writes a project's tags; Keystone tells that as an update of the project.
	store := func(r *core.Request, project core.Resource, tags []any) error {
		_, err := k.update(r.Context(), r.Caller, projects, project, core.Resource{"tags": tags})
		return err
	}
	show := func(r *core.Request, tags []any) map[string]any {
		return map[string]any{"tags": append([]any{}, tags...), "links": listLinks(r)}
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			project, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(show(r, project.List("tags")))
		}},
		{Method: "PUT", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			project, err := find(r)
			if err != nil {
				return nil, err
			}
			value, ok := r.JSON()
			body, _ := value.(map[string]any)
			tags, isList := body["tags"].([]any)
			if !ok || !isList {
				return nil, badRequest("Expecting to find tags in request body. %s", clientError)
			}
			if err := store(r, project, tags); err != nil {
				return nil, err
			}
			return core.OK(show(r, tags))
		}},
		{Method: "DELETE", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			project, err := find(r)
			if err == nil {
				err = store(r, project, []any{})
			}
			if err != nil {
				return nil, err
			}
			return core.NoContent()
		}},
		{Method: "GET", Path: path + "/{tag}", Do: func(r *core.Request) (*core.Answer, error) {
			project, err := find(r)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(project.List("tags"), any(r.PathValue("tag"))) {
				return nil, notFound("project tag", r.PathValue("tag"))
			}
			return core.NoContent()
		}},
		{Method: "PUT", Path: path + "/{tag}", Do: func(r *core.Request) (*core.Answer, error) {
			project, err := find(r)
			if err != nil {
				return nil, err
			}
			tags, tag := project.List("tags"), any(r.PathValue("tag"))
			if !slices.Contains(tags, tag) {
				tags = append(slices.Clone(tags), tag)
			}
			if err := store(r, project, tags); err != nil {
				return nil, err
			}
			return &core.Answer{Status: http.StatusCreated, Header: map[string]string{"Location": r.Base() + r.URL.Path}}, nil
		}},
		{Method: "DELETE", Path: path + "/{tag}", Do: func(r *core.Request) (*core.Answer, error) {
			project, err := find(r)
			if err != nil {
				return nil, err
			}
			tags := slices.Clone(project.List("tags"))
			at := slices.Index(tags, any(r.PathValue("tag")))
			if at < 0 {
				return nil, notFound("project tag", r.PathValue("tag"))
			}
			if err := store(r, project, slices.Delete(tags, at, at+1)); err != nil {
				return nil, err
			}
			return core.NoContent()
		}},
	}
}
