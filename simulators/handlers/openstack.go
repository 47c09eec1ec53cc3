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

	"go.yaml.in/yaml/v3"
)

// cloud asks as openstacksdk asks: it discovers and authenticates with the first call, not before.
type cloud struct {
	auth     cloudAuth
	region   string
	endpoint string // of identity, from the catalog
	token    string
}

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

// connect reads clouds.yaml where openstacksdk looks for it. It makes no request.
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
		if found, ok := config.Clouds[name]; ok {
			return &cloud{auth: found.Auth, region: found.Region}, nil
		}
		break
	}
	//lint:ignore ST1005 openstacksdk's words
	return nil, fmt.Errorf("openstack.exceptions.ConfigException: Cloud %s was not found.", name)
}

// cloudError is openstacksdk's exception for an HTTP status.
type cloudError struct {
	status  int
	message string
}

func (e *cloudError) Error() string { return e.message }

func (c *cloud) do(ctx context.Context, method, address string, body, into any) (http.Header, error) {
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
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("keystoneauth1.exceptions.connection.ConnectFailure: Unable to establish connection to %s: %w", address, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer of %s %s: %w", method, address, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		var problem struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		_ = json.Unmarshal(data, &problem) // a body that is no JSON leaves the message empty, as the SDK does
		class := "openstack.exceptions.HttpException"
		if response.StatusCode == http.StatusNotFound {
			class = "openstack.exceptions.NotFoundException"
		}
		return nil, &cloudError{response.StatusCode, fmt.Sprintf("%s: %d: Client Error for url: %s, %s",
			class, response.StatusCode, address, problem.Error.Message)}
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
	if _, err := c.do(ctx, http.MethodGet, address, nil, nil); err != nil {
		return fmt.Errorf("discover identity: %w", err)
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
	for _, service := range answer.Token.Catalog {
		for _, endpoint := range service.Endpoints {
			if service.Type == "identity" && endpoint.Interface == "public" && (c.region == "" || c.region == endpoint.Region) {
				c.endpoint = strings.TrimSuffix(endpoint.URL, "/")
			}
		}
	}
	if c.endpoint == "" {
		return fmt.Errorf("keystoneauth1.exceptions.catalog.EndpointNotFound: public endpoint for identity service in %s region not found", c.region)
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
}

func (c *cloud) identity(ctx context.Context, kind, id string) (keystoneObject, error) {
	if err := c.authenticate(ctx); err != nil {
		return keystoneObject{}, err
	}
	answer := map[string]keystoneObject{}
	if _, err := c.do(ctx, http.MethodGet, c.endpoint+"/"+kind+"s/"+id, nil, &answer); err != nil {
		return keystoneObject{}, err
	}
	return answer[kind], nil
}
