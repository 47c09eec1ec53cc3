package handlers

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// backend is one storage system: a section of /etc/netapp/netapp_nvme.conf.
type backend struct {
	client                                  *http.Client
	name, host, login, password, slotPrefix string
}

const netappConfig = "/etc/netapp/netapp_nvme.conf"

// backends reads the configuration, in INI's form. The authority of ca.crt beside it is trusted besides the system's.
func (s Surroundings) backends(file string) ([]backend, error) {
	data, err := os.ReadFile(s.path(file))
	if err != nil {
		return nil, fmt.Errorf("ConfigurationError: Configuration file not found at %s: %w", file, err)
	}
	var pool *x509.CertPool
	if ca, err := os.ReadFile(s.path("/etc/netapp/ca.crt")); err == nil {
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("ConfigurationError: /etc/netapp/ca.crt holds no certificate")
		}
	}
	var all []backend
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			all = append(all, backend{client: s.client(pool), name: strings.Trim(line, "[]"), slotPrefix: "e4"})
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || len(all) == 0 {
			continue
		}
		last, value := &all[len(all)-1], strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "netapp_server_hostname":
			last.host = value
		case "netapp_login":
			last.login = value
		case "netapp_password":
			last.password = value
		case "netapp_nic_slot_prefix":
			last.slotPrefix = value
		}
	}
	for _, one := range all {
		if one.host == "" || one.login == "" || one.password == "" {
			return nil, fmt.Errorf("ConfigurationError: section %s of %s lacks netapp_server_hostname, netapp_login or netapp_password", one.name, file)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("ConfigurationError: %s has no section", file)
	}
	return all, nil
}

// restError is NetAppRestError: what ONTAP refused.
type restError struct {
	status  int
	code    string
	message string
}

func (e *restError) Error() string {
	return fmt.Sprintf("NetAppRestError: Caused by HTTPError: %d: %s (code %s)", e.status, e.message, e.code)
}

func (b backend) ask(ctx context.Context, method, path string, body any) (object, http.Header, error) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, nil, fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+b.host+"/api/"+path, payload)
	if err != nil {
		return nil, nil, fmt.Errorf("make request: %w", err)
	}
	request.SetBasicAuth(b.login, b.password)
	request.Header.Set("Accept", "application/hal+json")
	request.Header.Set("Content-Type", "application/json")
	response, err := b.client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("NetAppRestError: ask %s: %w", b.host, err)
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("NetAppRestError: read answer of %s %s: %w", method, path, err)
	}
	if response.StatusCode >= 400 {
		return nil, nil, &restError{response.StatusCode, at(answer, "error", "code"), at(answer, "error", "message")}
	}
	if id := at(answer, "job", "uuid"); id != "" && response.StatusCode == http.StatusAccepted {
		job, _, err := b.ask(ctx, http.MethodGet, "cluster/jobs/"+id, nil)
		if err != nil {
			return nil, nil, err
		}
		if state := at(job, "state"); state == "failure" {
			return nil, nil, &restError{response.StatusCode, at(job, "error", "code"), at(job, "error", "message")}
		}
	}
	return answer, response.Header, nil
}

// records lists what matches.
func (b backend) records(ctx context.Context, path string, query ...string) ([]object, error) {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	answer, _, err := b.ask(ctx, http.MethodGet, path+"?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var found []object
	listed, _ := answer["records"].([]any)
	for _, one := range listed {
		if fields, ok := one.(object); ok {
			found = append(found, fields)
		}
	}
	return found, nil
}

// svm finds a project's storage virtual machine.
func (b backend) svm(ctx context.Context, project string) (object, error) {
	found, err := b.records(ctx, "svm/svms", "name", "os-"+project)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// roomiest is the online aggregate with the most room.
func (b backend) roomiest(ctx context.Context) (string, error) {
	found, err := b.records(ctx, "storage/aggregates", "fields", "name,state,space.block_storage.available", "state", "online")
	if err != nil {
		return "", err
	}
	best, most := "", -1.0
	for _, one := range found {
		space, _ := one["space"].(object)
		block, _ := space["block_storage"].(object)
		if room, _ := block["available"].(float64); room > most {
			best, most = at(one, "name"), room
		}
	}
	if best == "" {
		return "", errors.New("SvmOperationError: no aggregate is online")
	}
	return best, nil
}

// createSVM makes a project's storage virtual machine, whose root volume keeps no snapshots.
func (b backend) createSVM(ctx context.Context, project string) (name string, err error) {
	name = "os-" + project
	aggregate, err := b.roomiest(ctx)
	if err != nil {
		return "", err
	}
	existing, err := b.svm(ctx, project)
	if err != nil {
		return "", err
	}
	if existing == nil {
		root := "os_" + project + "_root"
		_, header, err := b.ask(ctx, http.MethodPost, "svm/svms", object{
			"name": name, "aggregates": []object{{"name": aggregate}}, "language": "c.utf_8", "allowed_protocols": []string{"nvme"},
			"nvme": object{"enabled": true}, "root_volume": object{"name": root, "security_style": "unix"},
		})
		if err != nil {
			return "", err
		}
		if location := strings.TrimPrefix(header.Get("Location"), "/api/"); location != "" {
			if _, _, err := b.ask(ctx, http.MethodGet, location, nil); err != nil {
				return "", err
			}
		}
		volumes, err := b.records(ctx, "storage/volumes", "name", root)
		if err != nil {
			return "", err
		}
		for _, volume := range volumes {
			if _, _, err := b.ask(ctx, http.MethodPatch, "storage/volumes/"+at(volume, "uuid"), object{"snapshot_policy": object{"name": "none"}}); err != nil {
				return "", err
			}
		}
	}
	return name, nil
}

// removeSVM deletes a project's volumes, mapped or not, and then its storage virtual machine.
func (b backend) removeSVM(ctx context.Context, svm object) error {
	name := at(svm, "name")
	volumes, err := b.records(ctx, "storage/volumes", "svm.name", name, "is_svm_root", "false")
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if _, _, err := b.ask(ctx, http.MethodDelete, "storage/volumes/"+at(volume, "uuid")+"?allow_delete_while_mapped=true", nil); err != nil {
			return err
		}
	}
	_, _, err = b.ask(ctx, http.MethodDelete, "svm/svms/"+at(svm, "uuid"), nil)
	return err
}
