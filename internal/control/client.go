package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/random"
)

// largestLine bounds one line of an answer: a result with its whole timeline.
const largestLine = 256 << 20

// Client runs scenarios on a rig that another process holds.
type Client struct {
	access access
	name   string
}

// Join finds the control of the rig in a folder.
func Join(folder string) (*Client, error) {
	a, err := readAccess(folder)
	return &Client{access: a, name: filepath.Base(folder)}, err
}

// About returns the versions of what runs in the rig, and its notes.
func (c *Client) About(ctx context.Context) (versions map[string]string, notes []string, err error) {
	answer, err := c.do(ctx, http.MethodGet, "/rig", nil)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	var told about
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return nil, nil, fmt.Errorf("read what rig %s says of itself: %w", c.name, err)
	}
	return told.Versions, told.Notes, nil
}

// RabbitMQCtl runs rabbitmqctl against the RabbitMQ of the joined rig.
func (c *Client) RabbitMQCtl(ctx context.Context, arguments ...string) (broker.Answer, error) {
	body, err := json.Marshal(command{arguments})
	if err != nil {
		return broker.Answer{}, fmt.Errorf("encode the command: %w", err)
	}
	answer, err := c.do(ctx, http.MethodPost, "/rabbitmqctl", body)
	if err != nil {
		return broker.Answer{}, err
	}
	defer answer.Body.Close()
	var told said
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return broker.Answer{}, c.lost(err)
	}
	return told.Answer, told.Error.err()
}

// SaveArtifacts lets the joined rig save its artifacts into a folder of this machine.
func (c *Client) SaveArtifacts(ctx context.Context, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("find the artifacts folder: %w", err)
	}
	body, err := json.Marshal(saving{folder})
	if err != nil {
		return fmt.Errorf("encode where to save: %w", err)
	}
	answer, err := c.do(ctx, http.MethodPost, "/artifacts", body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var told saved
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return c.lost(err)
	}
	return told.Error.err()
}

// Run is scenario.Run on the joined rig. When ctx ends, it returns once the rig has taken back what the scenario changed.
func (c *Client) Run(ctx context.Context, s scenario.Scenario, tier string, opts scenario.Options) scenario.Result {
	got, err := c.run(ctx, s, opts)
	if err == nil {
		return got
	}
	return scenario.Result{
		Name: s.Metadata.Name, Tier: tier, Verdict: scenario.Errored, File: s.File, Line: s.Line, Labels: s.Metadata.Labels, Err: err,
		Failures: []scenario.Failure{{Hop: "rig", Expected: "rig " + c.name + " to run the scenario", Got: err.Error(), Next: failure.Hint(err), File: s.File, Line: s.Line}},
	}
}

func (c *Client) run(ctx context.Context, s scenario.Scenario, opts scenario.Options) (scenario.Result, error) {
	id := random.Hex(8)
	body, err := json.Marshal(task{id, s, opts.Seed, opts.Attempt, opts.Explain})
	if err != nil {
		return scenario.Result{}, fmt.Errorf("encode the scenario: %w", err)
	}
	answer, err := c.do(context.WithoutCancel(ctx), http.MethodPost, "/scenarios", body)
	if err != nil {
		return scenario.Result{}, err
	}
	defer answer.Body.Close()
	// Only now: the answer begins once the rig knows the scenario by its id, so an interrupt that came before is heard too.
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if answer, err := c.do(bounded, http.MethodDelete, "/scenarios/"+id, nil); err == nil {
			answer.Body.Close()
		}
	})
	defer stop()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, largestLine)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return scenario.Result{}, fmt.Errorf("read from rig %s: %w", c.name, err)
		}
		switch {
		case m.Result != nil:
			told := m.Result.Result
			told.Timeline, told.Explained, told.Err = m.Result.Timeline, m.Result.Explained, m.Result.Error.err()
			if ctx.Err() != nil && told.Err != nil {
				told.Err = ctx.Err()
			}
			return told, nil
		case m.Log != "" && opts.Log != nil:
			opts.Log("%s", m.Log)
		case m.Waiting != "" && opts.Waiting != nil:
			opts.Waiting(m.Waiting)
		}
	}
	return scenario.Result{}, c.lost(errors.Join(lines.Err(), io.ErrUnexpectedEOF))
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.access.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask rig %s: %w", c.name, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.access.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, c.lost(err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		defer answer.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 4096)) // for the message only
		return nil, failure.New(failure.Environment, "start the rig anew with this eventrig: eventrig down, eventrig up", "rig %s refuses: %s", c.name, strings.TrimSpace(string(text)))
	}
	return answer, nil
}

func (c *Client) lost(err error) error {
	return failure.New(failure.Environment, "is it still up? eventrig status", "rig %s does not answer any more: %w", c.name, err)
}
