package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const netappLogger = "understack_workflows.main.netapp_configure_net"

// The exit codes of netapp-configure-interfaces.
const (
	exitConnection = 1
	exitQuery      = 2
	exitData       = 3
)

// lif is a logical interface to be made: its name says on which node of the cluster, and on which fabric.
type lif struct {
	name, side string
	node       int
	address    netip.Addr
	network    netip.Prefix
	vlan       int
}

const virtualMachinesQuery = "query ($device_names: [String]){virtual_machines(name: $device_names) " +
	"{interfaces { name ip_addresses{ address } tagged_vlans { vid }}}}"

func isProject(text string) error {
	if _, err := pythonUUID(text); err != nil {
		//lint:ignore ST1005 argparse's words
		return fmt.Errorf("Invalid UUID format: %s", text)
	}
	return nil
}

// netappConfigureInterfaces is `netapp-configure-interfaces --project-id ID`: what Nautobot says of the virtual machine
// os-PROJECT becomes ports, interfaces and routes of the project's SVM. The answer is printed.
func netappConfigureInterfaces(ctx context.Context, s Surroundings, arguments []string) int {
	values, code, done := s.arguments(parser{
		program: "netapp-configure-interfaces", description: "Query Nautobot for SVM network configuration and create NetApp interfaces based on project ID",
		options: append([]option{
			{name: "--project-id", metavar: "PROJECT_ID", help: "OpenStack project ID (UUID) to query for SVM configuration", required: true, check: isProject},
			{name: "--netapp-config-path", metavar: "NETAPP_CONFIG_PATH", help: "Path to NetApp config with credentials"},
		}, nautobotOptions...),
	}, arguments)
	if done {
		return code
	}
	id, err := pythonUUID(values["--project-id"])
	if err != nil {
		return s.crash(err)
	}
	project, file := hexOf(id), values["--netapp-config-path"]
	if file == "" {
		file = netappConfig
	}
	client, err := s.nautobot(values)
	var systems []backend
	if err == nil {
		systems, err = s.backends(file)
	}
	if err != nil {
		s.logf(netappLogger, "ERROR", "%v", err)
		return exitConnection
	}
	answer, err := client.graphQL(ctx, virtualMachinesQuery, object{"device_names": []string{"os-" + project}})
	if err != nil {
		s.logf(netappLogger, "ERROR", "GraphQL query failed: %v", err)
		return exitQuery
	}
	wanted, err := readLIFs(answer)
	if err != nil {
		s.logf(netappLogger, "ERROR", "Data validation failed: %v", err)
		return exitData
	}
	for _, system := range systems {
		if len(wanted) == 0 {
			s.logf(netappLogger, "WARNING", "No virtual machines found for device: os-%s", project)
			break
		}
		if err := system.configure(ctx, project, wanted); err != nil {
			s.logf(netappLogger, "ERROR", "%v", err)
			return exitConnection
		}
	}
	shown, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return s.crash(err)
	}
	fmt.Fprintf(s.Stdout, "%s\n", shown)
	return 0
}

// graphQL asks Nautobot; errors in the answer are errors.
func (c nautobotClient) graphQL(ctx context.Context, query string, variables object) (object, error) {
	var answer object
	if err := c.do(ctx, http.MethodPost, c.endpoint("graphql"), object{"query": query, "variables": variables}, &answer); err != nil {
		return nil, fmt.Errorf("GraphQL query execution failed: %w", err)
	}
	if found, _ := answer["errors"].([]any); len(found) > 0 {
		var texts []string
		for _, one := range found {
			fields, _ := one.(object)
			texts = append(texts, at(fields, "message"))
		}
		return nil, fmt.Errorf("GraphQL query failed with errors: %s", strings.Join(texts, "; "))
	}
	return answer, nil
}

var lifName = regexp.MustCompile(`^N([12])-lif-(A|B)$`)

// readLIFs reads the interfaces of the first virtual machine; each needs one address and one tagged VLAN.
func readLIFs(answer object) ([]lif, error) {
	var response struct {
		Data struct {
			Machines []struct {
				Interfaces []struct {
					Name      string `json:"name"`
					Addresses []struct {
						Address string `json:"address"`
					} `json:"ip_addresses"`
					VLANs []struct {
						ID int `json:"vid"`
					} `json:"tagged_vlans"`
				} `json:"interfaces"`
			} `json:"virtual_machines"`
		} `json:"data"`
	}
	data, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(data, &response)
	}
	if err != nil {
		return nil, fmt.Errorf("read Nautobot's answer: %w", err)
	}
	var all []lif
	for i, machine := range response.Data.Machines {
		for _, one := range machine.Interfaces {
			switch {
			case len(one.Addresses) != 1:
				return nil, fmt.Errorf("ValueError: Interface '%s' has %s IP addresses", one.Name, noOrMany(len(one.Addresses)))
			case len(one.VLANs) != 1:
				return nil, fmt.Errorf("ValueError: Interface '%s' has %s tagged VLANs", one.Name, noOrMany(len(one.VLANs)))
			}
			if i > 0 {
				continue // only the first machine's are made
			}
			parts := lifName.FindStringSubmatch(one.Name)
			prefix, err := netip.ParsePrefix(one.Addresses[0].Address)
			if parts == nil || err != nil {
				return nil, fmt.Errorf("ValidationError: interface '%s' with address '%s' is no N1-lif-A or the like with an IPv4 address", one.Name, one.Addresses[0].Address)
			}
			number, _ := strconv.Atoi(parts[1]) // the expression lets digits through only
			all = append(all, lif{one.Name, parts[2], number, prefix.Addr(), prefix.Masked(), one.VLANs[0].ID})
		}
	}
	return all, nil
}

func noOrMany(count int) string {
	if count == 0 {
		return "no"
	}
	return "multiple"
}

func netmask(network netip.Prefix) string {
	mask := uint32(0xffffffff) << (32 - network.Bits())
	return fmt.Sprintf("%d.%d.%d.%d", byte(mask>>24), byte(mask>>16), byte(mask>>8), byte(mask))
}

// configure makes what is not there yet: a VLAN port and an interface for each, then a route for each fabric.
func (b backend) configure(ctx context.Context, project string, wanted []lif) error {
	svm := "os-" + project
	hops, made := []string{}, map[string]bool{}
	for _, one := range wanted {
		found, err := b.svm(ctx, project)
		if err != nil {
			return err
		}
		if found == nil {
			return raised("SVM Not Found")
		}
		port, err := b.vlanPort(ctx, one)
		if err != nil {
			return err
		}
		existing, err := b.records(ctx, "network/ip/interfaces", "name", one.name, "svm.name", svm)
		if err != nil {
			return err
		}
		if len(existing) == 0 {
			if _, _, err := b.ask(ctx, http.MethodPost, "network/ip/interfaces", object{
				"name": one.name, "enabled": true, "svm": object{"name": svm},
				"ip":             object{"address": one.address.String(), "netmask": netmask(one.network)},
				"location":       object{"auto_revert": false, "home_port": object{"uuid": port}, "broadcast_domain": object{"name": "Fabric-" + one.side}},
				"service_policy": object{"name": "default-data-nvme-tcp"},
			}); err != nil {
				return err
			}
		}
		if hop := one.network.Addr().Next().String(); !made[hop] {
			made[hop], hops = true, append(hops, hop)
		}
	}
	for _, hop := range hops {
		destination, err := routeTo(hop)
		if err != nil {
			return err
		}
		if _, _, err := b.ask(ctx, http.MethodPost, "network/ip/routes", object{
			"svm": object{"name": svm}, "gateway": hop, "destination": object{"address": destination, "netmask": "255.255.128.0"},
		}); err != nil {
			return err
		}
	}
	return nil
}

// vlanPort is the id of the port of a VLAN on a fabric's network card, which is made when it is not there.
func (b backend) vlanPort(ctx context.Context, one lif) (string, error) {
	nodes, err := b.records(ctx, "cluster/nodes")
	if err != nil {
		return "", err
	}
	node := ""
	for _, candidate := range nodes {
		name := at(candidate, "name")
		digits := name[len(strings.TrimRight(name, "0123456789")):]
		if number, err := strconv.Atoi(digits); err == nil && number == one.node {
			node = name
		}
	}
	if node == "" {
		return "", raised(fmt.Sprintf("Could not find home node for %s.", one.name))
	}
	base := b.slotPrefix + strings.ToLower(one.side)
	found, err := b.records(ctx, "network/ethernet/ports", "name", fmt.Sprintf("%s-%d", base, one.vlan), "node.name", node)
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return at(found[0], "uuid"), nil
	}
	answer, _, err := b.ask(ctx, http.MethodPost, "network/ethernet/ports?return_records=true", object{
		"type": "vlan", "node": object{"name": node}, "enabled": true,
		"broadcast_domain": object{"name": "Fabric-" + one.side, "ipspace": object{"name": "Default"}},
		"vlan":             object{"tag": one.vlan, "base_port": object{"name": base, "node": object{"name": node}}},
	})
	if err != nil {
		return "", err
	}
	records, _ := answer["records"].([]any)
	if len(records) == 0 {
		return "", raised("ONTAP answered without the port that it made")
	}
	fields, _ := records[0].(object)
	return at(fields, "uuid"), nil
}

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

// routeTo is the clients' network behind a next hop, by UnderStack's numbering.
func routeTo(hop string) (string, error) {
	address, err := netip.ParseAddr(hop)
	switch {
	case err != nil || !carrierGrade.Contains(address):
		return "", fmt.Errorf("ValueError: IP address %s is not within required 100.64.0.0/10 subnet", hop)
	case address.As4()[2] == 0:
		return "100.126.0.0", nil
	case address.As4()[2] == 128:
		return "100.126.128.0", nil
	}
	return "", fmt.Errorf("ValueError: Unsupported IP pattern for route destination: %s", hop)
}
