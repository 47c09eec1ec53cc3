package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// enrolVersion is the version of Ironic's API that has what the enrolments write (a port's category); ironicclient 6.0, which
// UnderStack's lock file has, negotiates it.
const enrolVersion = "1.101"

// ironicClient is what UnderStack's IronicClient() makes: a session of its own, which authenticates and then asks which versions
// there are.
func (s Surroundings) ironicClient(ctx context.Context) (*cloud, error) {
	c, err := connect(s, s.Getenv("OS_CLOUD"))
	if err != nil {
		return nil, err
	}
	c.versions = map[string]string{baremetal: enrolVersion}
	if err := c.call(ctx, http.MethodGet, baremetal, "v1", nil, nil); err != nil {
		return nil, err
	}
	return c, nil
}

func nodePath(ident string) string { return "v1/nodes/" + url.PathEscape(ident) }

func (c *cloud) node(ctx context.Context, ident string) (object, error) {
	var node object
	err := c.call(ctx, http.MethodGet, baremetal, nodePath(ident), nil, &node)
	return node, err
}

// transition asks for a provision state by a session of its own and sees the node come to another (ironic_node.transition).
func (s Surroundings) transition(ctx context.Context, id string, body object, state string) error {
	c, err := s.ironicClient(ctx)
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPut, baremetal, nodePath(id)+"/states/provision", body, nil); err != nil {
		return err
	}
	return c.awaitProvision(ctx, id, state)
}

// waitPeriod is how often a state that was asked for is looked at. ironicclient waits 2 s first and longer each time; a
// simulated change takes milliseconds.
const waitPeriod = 100 * time.Millisecond

// awaitProvision sees a node come to a provision state; there is no timeout but the caller's.
func (c *cloud) awaitProvision(ctx context.Context, ident, state string) error {
	ticker := time.NewTicker(waitPeriod)
	defer ticker.Stop()
	for {
		node, err := c.node(ctx, ident)
		if err != nil {
			return err
		}
		now := fmt.Sprint(node["provision_state"])
		switch {
		case now == state && node["target_provision_state"] == nil:
			return nil
		case strings.HasSuffix(now, "failed") || now == "error":
			return &cliError{fmt.Sprintf("Node %s failed to reach state %s. It's in state %s, and has error: %s", ident, state, now, pythonText(node["last_error"]))}
		case node["target_provision_state"] == nil:
			return &cliError{fmt.Sprintf("Node %s failed to reach state %s. It's in unexpected stable state %s", ident, state, now)}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for state %s: %w", state, context.Cause(ctx))
		case <-ticker.C: // Ironic has nothing to be told by
		}
	}
}

// patch is ironicclient's args_array_to_patch of "add": a value that is JSON becomes what it says.
func patch(updates [][2]string) []object {
	operations := []object{}
	for _, update := range updates {
		var value any
		if json.Unmarshal([]byte(update[1]), &value) != nil {
			value = update[1]
		}
		operations = append(operations, object{"op": "add", "path": "/" + update[0], "value": value})
	}
	return operations
}
