package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/random"
)

// Answer is what a run of rabbitmqctl said.
type Answer struct {
	Output string `json:"output"` // stdout
	Errors string `json:"errors"` // stderr
	Status int    `json:"status"` // exit status
}

// Control runs rabbitmqctl, the one that came with the server, against it. An answer with another status than 0 is no
// error; a server that was not started here is.
func (b *Broker) Control(ctx context.Context, args ...string) (Answer, error) {
	return b.tool(ctx, "rabbitmqctl", args...)
}

// control runs rabbitmqctl for its output; another status than 0 is an error.
func (b *Broker) control(ctx context.Context, args ...string) (string, error) {
	answer, err := b.Control(ctx, args...)
	if err == nil && answer.Status != 0 {
		err = fmt.Errorf("rabbitmqctl %s ended with status %d: %s", args[0], answer.Status, strings.TrimSpace(answer.Errors+answer.Output))
	}
	return answer.Output, err
}

// tool runs a program of the server's installation and waits for its end.
func (b *Broker) tool(ctx context.Context, name string, args ...string) (_ Answer, err error) {
	b.mu.Lock()
	own, halted := b.server != nil, b.halted
	b.mu.Unlock()
	if !own {
		return Answer{}, failure.New(failure.BadInput, "use the tools of that server", "run %s: the RabbitMQ is not the rig's own", name)
	}
	if halted {
		return Answer{}, failure.New(failure.BadInput, "start it first", "run %s: RabbitMQ is stopped", name)
	}
	said := path.Join(b.files.dir, name+"-"+random.Hex(8))
	output, errorsFile := said+".out", said+".err"
	defer func() {
		_ = os.Remove(output) // nothing that anyone would look for
		_ = os.Remove(errorsFile)
	}()
	process, err := b.config.run(ctx, b.files, Command{
		Name: name, Path: "/bin/sh",
		// The launcher has one file for both streams, and scripts want to read the first.
		Args: append([]string{"-c", `exec 2>"$0" "$@"`, errorsFile, path.Join(path.Dir(b.config.Server.Path), name)}, args...),
		Env:  b.files.toolEnvironment(b.config.Distribution),
		Dir:  b.files.home, Log: output,
	})
	if err != nil {
		return Answer{}, fmt.Errorf("run %s: %w", name, err)
	}
	select {
	case <-process.Done():
	case <-ctx.Done():
		return Answer{}, errors.Join(fmt.Errorf("run %s: %w", name, context.Cause(ctx)), process.Stop())
	}
	var answer Answer
	if ended := process.Err(); ended != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(ended, &exit) {
			return answer, fmt.Errorf("run %s: %w", name, ended)
		}
		answer.Status = exit.ExitCode()
	}
	for file, into := range map[string]*string{output: &answer.Output, errorsFile: &answer.Errors} {
		data, err := os.ReadFile(file)
		if err != nil {
			return answer, fmt.Errorf("read what %s said: %w", name, err)
		}
		*into = string(data)
	}
	return answer, nil
}

// CloseConnections ends every client's connection, as an operator does with rabbitmqctl close_all_connections, those of
// this Broker too, which come back when they are used.
func (b *Broker) CloseConnections(ctx context.Context, reason string) error {
	if _, err := b.control(ctx, "close_all_connections", "--global", reason); err != nil {
		return fmt.Errorf("close the connections to RabbitMQ: %w", err)
	}
	return nil
}

// Report is what `rabbitmqctl report` tells of the server: its state and, for each virtual host, connections, channels,
// queues with their depths, bindings, consumers and rights.
func (b *Broker) Report(ctx context.Context) (string, error) {
	report, err := b.control(ctx, "report")
	if err != nil {
		return "", fmt.Errorf("ask RabbitMQ for its state: %w", err)
	}
	return report, nil
}
