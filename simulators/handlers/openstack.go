package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// cloud asks as openstacksdk asks: it discovers and authenticates with the first call, not before.
type cloud struct {
	client    *http.Client
	auth      cloudAuth
	region    string
	endpoints map[string]string // public URLs by a service's type, from the catalog
	token     string
	versions  map[string]string // versions of APIs to ask for, by a service's type
}

// The types of the services that the handlers ask, as the catalog has them.
const (
	identity     = "identity"
	baremetal    = "baremetal"
	compute      = "compute"
	network      = "network"
	blockStorage = "block-storage"
)

// ironicVersion is the last one that the real handlers' ironicclient (5.10) and the openstack CLI know.
const ironicVersion = "1.95"

type cloudAuth struct {
	URL               string `yaml:"auth_url"`
	Username          string `yaml:"username"`
	Password          string `yaml:"password"`
	ProjectName       string `yaml:"project_name"`
	UserDomainName    string `yaml:"user_domain_name"`
	UserDomainID      string `yaml:"user_domain_id"`
	ProjectDomainName string `yaml:"project_domain_name"`
	ProjectDomainID   string `yaml:"project_domain_id"`
}

// connect reads the environment and clouds.yaml where openstacksdk looks for it. Without a name it takes the only cloud, or
// what the environment says. It makes no request.
func connect(s Surroundings, name string) (*cloud, error) {
	files := []string{"clouds.yaml", s.path(filepath.Join(s.Getenv("HOME"), ".config/openstack/clouds.yaml")), s.path("/etc/openstack/clouds.yaml")}
	if chosen := s.Getenv("OS_CLIENT_CONFIG_FILE"); chosen != "" {
		files = []string{chosen}
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("openstack.exceptions.ConfigException: %w", err)
		}
		var config struct {
			Clouds map[string]struct {
				Auth   cloudAuth `yaml:"auth"`
				Region string    `yaml:"region_name"`
			} `yaml:"clouds"`
		}
		if err := yaml.Unmarshal(data, &config); err != nil {
			return nil, fmt.Errorf("openstack.exceptions.ConfigException: %s: %w", file, err)
		}
		if name == "" && len(config.Clouds) == 1 && s.Getenv("OS_AUTH_URL") == "" {
			for only := range config.Clouds {
				name = only
			}
		}
		if found, ok := config.Clouds[name]; ok {
			return &cloud{client: s.client(nil), auth: found.Auth, region: found.Region}, nil
		}
		break
	}
	if name == "" && s.Getenv("OS_AUTH_URL") != "" {
		return &cloud{client: s.client(nil), region: s.Getenv("OS_REGION_NAME"), auth: cloudAuth{
			URL: s.Getenv("OS_AUTH_URL"), Username: s.Getenv("OS_USERNAME"), Password: s.Getenv("OS_PASSWORD"), ProjectName: s.Getenv("OS_PROJECT_NAME"),
			UserDomainName: s.Getenv("OS_USER_DOMAIN_NAME"), UserDomainID: s.Getenv("OS_USER_DOMAIN_ID"),
			ProjectDomainName: s.Getenv("OS_PROJECT_DOMAIN_NAME"), ProjectDomainID: s.Getenv("OS_PROJECT_DOMAIN_ID"),
		}}, nil
	}
	//lint:ignore ST1005 openstacksdk's words
	return nil, fmt.Errorf("openstack.exceptions.ConfigException: Cloud %s was not found.", name)
}

// cloudError is openstacksdk's exception for an HTTP status.
type cloudError struct {
	status int
	text   string // the service's own
	url    string
}

func (e *cloudError) Error() string {
	class, side := "HttpException", "Client"
	switch {
	case e.status == http.StatusNotFound:
		class = "NotFoundException"
	case e.status == http.StatusConflict:
		class = "ConflictException"
	case e.status == http.StatusBadRequest:
		class = "BadRequestException"
	case e.status >= 500:
		side = "Server"
	}
	return fmt.Sprintf("openstack.exceptions.%s: %d: %s Error for url: %s, %s", class, e.status, side, e.url, e.text)
}

// is says whether an error is a service's answer of a status.
func is(err error, status int) bool {
	var found *cloudError
	return errors.As(err, &found) && found.status == status
}

// serviceText is the message in a service's refusal; each service wraps it in its own way.
func serviceText(data []byte) string {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return "" // a body that is no JSON leaves the message empty, as the SDK does
	}
	for name, value := range fields {
		switch value := value.(type) {
		case map[string]any: // Keystone's error, NeutronError, Nova's and Cinder's itemNotFound
			if text, ok := value["message"].(string); ok {
				return text
			}
		case string:
			if name == "error_message" { // Ironic's, JSON in a string
				var fault struct {
					Text string `json:"faultstring"`
				}
				if json.Unmarshal([]byte(value), &fault) == nil {
					return fault.Text
				}
				return value
			}
		}
	}
	return ""
}

// call asks a service; path is below its endpoint. A token that the service does not take is replaced once, as keystoneauth
// does it.
func (c *cloud) call(ctx context.Context, method, service, path string, body, into any) error {
	if err := c.authenticate(ctx); err != nil {
		return err
	}
	endpoint := c.endpoints[service]
	if endpoint == "" {
		return fmt.Errorf("keystoneauth1.exceptions.catalog.EndpointNotFound: public endpoint for %s service in %s region not found", service, c.region)
	}
	err := c.insist(ctx, method, endpoint+"/"+path, service, body, into)
	if !is(err, http.StatusUnauthorized) {
		return err
	}
	c.token = ""
	if err := c.authenticate(ctx); err != nil {
		return err
	}
	return c.insist(ctx, method, endpoint+"/"+path, service, body, into)
}

const (
	// ironicAttempts is how often ironicclient 5 (common/http.py, with_retries) and openstacksdk (baremetal_status_code_retries
	// in its config/defaults.json) ask Ironic that says 409, as it does of a locked node, or 503, or cannot be reached.
	ironicAttempts = 6
	// ironicPeriod is between two of them. ironicclient waits 2 s each time, openstacksdk 0.5 s and twice as long each time;
	// what a simulated Ironic is busy with takes milliseconds.
	ironicPeriod = 100 * time.Millisecond
)

// insist asks a service, Ironic again and again.
func (c *cloud) insist(ctx context.Context, method, address, service string, body, into any) error {
	_, err := c.send(ctx, method, address, service, body, into)
	if service != baremetal {
		return err
	}
	ticker := time.NewTicker(ironicPeriod)
	defer ticker.Stop()
	for range ironicAttempts - 1 {
		if !is(err, http.StatusConflict) && !is(err, http.StatusServiceUnavailable) && !errors.Is(err, errUnreachable) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ask Ironic again: %w", context.Cause(ctx))
		case <-ticker.C: // nothing tells when Ironic can be asked again
		}
		_, err = c.send(ctx, method, address, service, body, into)
	}
	return err
}

// errUnreachable is a connection that was not to be had, in keystoneauth's words.
var errUnreachable = errors.New("keystoneauth1.exceptions.connection.ConnectFailure: Unable to establish connection")

func (c *cloud) do(ctx context.Context, method, address string, body, into any) (http.Header, error) {
	return c.send(ctx, method, address, identity, body, into)
}

func (c *cloud) send(ctx context.Context, method, address, service string, body, into any) (http.Header, error) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "openstacksdk/4.4.0 keystoneauth1/5.10.0")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("X-Auth-Token", c.token)
	}
	if service == baremetal {
		version := c.versions[service]
		if version == "" {
			version = ironicVersion
		}
		request.Header.Set("X-OpenStack-Ironic-API-Version", version)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w to %s: %w", errUnreachable, address, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer of %s %s: %w", method, address, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, &cloudError{response.StatusCode, serviceText(data), address}
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			return nil, fmt.Errorf("decode answer of %s %s: %w", method, address, err)
		}
	}
	return response.Header, nil
}

// authenticate is GET on the identity endpoint, then a password token with its catalog.
func (c *cloud) authenticate(ctx context.Context) error {
	if c.token != "" {
		return nil
	}
	address := strings.TrimSuffix(c.auth.URL, "/")
	if c.endpoints == nil { // once is enough; an address that has the version in it does without an answer
		if _, err := c.do(ctx, http.MethodGet, address, nil, nil); err != nil && !strings.HasSuffix(address, "/v3") {
			return fmt.Errorf("discover identity: %w", err)
		}
	}
	if !strings.HasSuffix(address, "/v3") {
		address += "/v3"
	}
	domain := func(name, id string) object {
		if id != "" {
			return object{"id": id}
		}
		return object{"name": name}
	}
	body := object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{
			"name": c.auth.Username, "password": c.auth.Password, "domain": domain(c.auth.UserDomainName, c.auth.UserDomainID),
		}}},
		"scope": object{"project": object{"name": c.auth.ProjectName, "domain": domain(c.auth.ProjectDomainName, c.auth.ProjectDomainID)}},
	}}
	var answer struct {
		Token struct {
			Catalog []struct {
				Type      string `json:"type"`
				Endpoints []struct {
					Interface string `json:"interface"`
					Region    string `json:"region"`
					URL       string `json:"url"`
				} `json:"endpoints"`
			} `json:"catalog"`
		} `json:"token"`
	}
	header, err := c.do(ctx, http.MethodPost, address+"/auth/tokens", body, &answer)
	if err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	c.token = header.Get("X-Subject-Token")
	c.endpoints = map[string]string{}
	for _, service := range answer.Token.Catalog {
		for _, endpoint := range service.Endpoints {
			if endpoint.Interface == "public" && (c.region == "" || c.region == endpoint.Region) {
				c.endpoints[service.Type] = strings.TrimSuffix(endpoint.URL, "/")
			}
		}
	}
	return nil
}

// project and domain as far as the handlers read them.
type keystoneObject struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	DomainID    string  `json:"domain_id"`
	Description *string `json:"description"`
	IsDomain    bool    `json:"is_domain"`
	Tags        []any   `json:"tags"`
}

func (c *cloud) identity(ctx context.Context, kind, id string) (keystoneObject, error) {
	answer := map[string]keystoneObject{}
	if err := c.call(ctx, http.MethodGet, identity, kind+"s/"+id, nil, &answer); err != nil {
		return keystoneObject{}, err
	}
	return answer[kind], nil
}
