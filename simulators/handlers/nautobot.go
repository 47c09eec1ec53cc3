package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// nautobotClient asks as pynautobot 3.0 asks: same URLs, headers and paging.
type nautobotClient struct {
	client *http.Client
	base   string
	token  string
}

// requestError is pynautobot's.
type requestError struct {
	status int
	text   string
}

func (e *requestError) Error() string { return e.text }

type object = map[string]any

func (c nautobotClient) do(ctx context.Context, method, address string, body, into any) error {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("authorization", "Token "+c.token)
	request.Header.Set("User-Agent", "python-pynautobot/3.0.0")
	switch {
	case method == http.MethodPatch:
		request.Header.Set("accept", "application/json;")
		request.Header.Set("Content-Type", "application/json")
	case body != nil:
		request.Header.Set("Content-Type", "application/json;")
	default:
		request.Header.Set("accept", "application/json;")
	}
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read answer of %s %s: %w", method, address, err)
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		return &requestError{response.StatusCode, fmt.Sprintf("The requested url: %s could not be found.", address)}
	case response.StatusCode < 200 || response.StatusCode > 299:
		return &requestError{response.StatusCode, fmt.Sprintf("The request failed with code %d %s: %s",
			response.StatusCode, http.StatusText(response.StatusCode), data)}
	}
	if into == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the server returned invalid (non-json) data for %s %s: %w", method, address, err)
	}
	return nil
}

func (c nautobotClient) endpoint(path string) string {
	return strings.TrimSuffix(c.base, "/") + "/api/" + path + "/"
}

// filter lists all records that match, page by page.
func (c nautobotClient) filter(ctx context.Context, path string, query url.Values) ([]object, error) {
	var all []object
	address := c.endpoint(path) + "?" + query.Encode()
	for first := true; ; first = false {
		var page struct {
			Count   int      `json:"count"`
			Next    *string  `json:"next"`
			Results []object `json:"results"`
		}
		if err := c.do(ctx, http.MethodGet, address, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Results...)
		if page.Next == nil {
			return all, nil
		}
		address = *page.Next
		if first {
			// The second call asks for everything that is left at once.
			rest := url.Values{}
			for name, values := range query {
				rest[name] = values
			}
			rest.Set("limit", strconv.Itoa(page.Count))
			rest.Set("offset", strconv.Itoa(len(page.Results)))
			address = c.endpoint(path) + "?" + rest.Encode()
		}
	}
}

// get is get(**filters): a list call that must not find more than one record.
func (c nautobotClient) get(ctx context.Context, path string, query url.Values) (object, error) {
	found, err := c.filter(ctx, path, query)
	switch {
	case err != nil:
		return nil, err
	case len(found) > 1:
		return nil, fmt.Errorf("ValueError: get() returned more than one result. Check that the kwarg(s) passed are valid for this endpoint or use filter() or all() instead")
	case len(found) == 0:
		return nil, nil
	}
	return found[0], nil
}

func (c nautobotClient) create(ctx context.Context, path string, body object) (object, error) {
	var made object
	if err := c.do(ctx, http.MethodPost, c.endpoint(path), body, &made); err != nil {
		return nil, err
	}
	return made, nil
}

// detail is get(key): one record by its id or name, none when it is not there.
func (c nautobotClient) detail(ctx context.Context, path, key string) (object, error) {
	var found object
	err := c.do(ctx, http.MethodGet, c.endpoint(path+"/"+url.PathEscape(key)), nil, &found)
	var refused *requestError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil, nil
	}
	return found, err
}
