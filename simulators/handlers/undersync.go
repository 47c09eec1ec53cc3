package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	undersyncLogger = "understack_workflows.main.undersync_switch"
	// undersyncURL is written down in UnderStack's client; the command has no flag for it.
	undersyncURL = "http://undersync-service.undersync.svc.cluster.local:8080"
)

// pythonBoolean reads what UnderStack's boolean_args reads: Y is missing on purpose.
func pythonBoolean(text string) (value, ok bool) {
	switch strings.ToUpper(text) {
	case "YES", "TRUE", "T", "1":
		return true, true
	case "NO", "FALSE", "F", "N", "0":
		return false, true
	}
	return false, false
}

func isBoolean(text string) error {
	if _, ok := pythonBoolean(text); !ok {
		return fmt.Errorf("boolean expected")
	}
	return nil
}

// undersyncSwitch is `undersync-switch --physical-network NAME [--dry-run BOOL] [--force BOOL]`: one request, with a dry run
// going before force. It ends with 1 without a token, with 2 whenever Undersync does not say 2xx.
func undersyncSwitch(ctx context.Context, s Surroundings, arguments []string) int {
	values, code, done := s.arguments(parser{
		program: "undersync_switch.py", description: "Trigger undersync run for a set of switches.",
		options: []option{
			{name: "--physical-network", metavar: "PHYSICAL_NETWORK", help: "Name of the VLAN group", required: true},
			{name: "--force", metavar: "FORCE", help: "Call Undersync's force endpoint", check: isBoolean},
			{name: "--dry-run", metavar: "DRY_RUN", help: "Call Undersync's dry-run endpoint", check: isBoolean},
		},
	}, arguments)
	if done {
		return code
	}
	token, err := s.credential("undersync", "token")
	if err != nil {
		return s.crash(err)
	}
	if token == "" {
		s.logf(undersyncLogger, "ERROR", "Please provide auth token for Undersync.")
		return 1
	}
	action := "sync"
	if force, _ := pythonBoolean(values["--force"]); force {
		action = "force"
	}
	if dry, _ := pythonBoolean(values["--dry-run"]); dry {
		action = "dry-run"
	}
	answer, err := s.undersync(ctx, token, values["--physical-network"], action)
	if err != nil {
		s.logf(undersyncLogger, "ERROR", "%v", err)
		return 2
	}
	var body any
	if err := json.Unmarshal(answer, &body); err != nil {
		return s.crash(fmt.Errorf("requests.exceptions.JSONDecodeError: %w", err))
	}
	s.logf(undersyncLogger, "INFO", "Undersync returned: %s", answer)
	return 0
}

func (s Surroundings) undersync(ctx context.Context, token, group, action string) ([]byte, error) {
	address := undersyncURL + "/v1/vlan-group/" + url.PathEscape(group) + "/" + action
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := s.client(nil).Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask Undersync: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read Undersync's answer: %w", err)
	}
	if response.StatusCode >= 400 {
		side := "Client"
		if response.StatusCode >= 500 {
			side = "Server"
		}
		return nil, fmt.Errorf("%d %s Error: %s for url: %s", response.StatusCode, side, http.StatusText(response.StatusCode), address)
	}
	return answer, nil
}
