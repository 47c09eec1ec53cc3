// Package serve holds `eventrig serve`: a simulator on its own, for a handler under development or another project's
// tests. In: flags. Out: the simulator's URL as the first line of stdout, then a server until a signal comes.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/openstack"
)

// grace is how long a stop waits for requests that are being answered.
const grace = 5 * time.Second

type flags struct {
	listen string
	worlds []string
	seed   uint64
	token  string
	output string
}

// ready is what `-o json` prints.
type ready struct {
	URL        string `json:"url"`
	Token      string `json:"token,omitempty"`
	CloudsYAML string `json:"cloudsYAML,omitempty"`
}

type simulator interface {
	http.Handler
	Load(*worlds.World) error
}

// New makes the command.
func New() *cobra.Command {
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run a simulator on its own",
		Example: `  eventrig serve nautobot --world one-domain
  eventrig serve openstack -o json | jq -r .cloudsYAML`,
	}
	command.AddCommand(
		simulate("nautobot", "Run a simulated Nautobot", true, func(f *flags, url string) (simulator, ready) {
			s := nautobot.New(nautobot.Config{Seed: f.seed, Token: f.token})
			return s, ready{URL: url, Token: s.Token()}
		}),
		simulate("openstack", "Run a simulated OpenStack cloud (Keystone)", false, func(f *flags, url string) (simulator, ready) {
			return openstack.New(openstack.Config{Seed: f.seed}), ready{URL: url + "/v3", CloudsYAML: openstack.CloudsYAML(url + "/v3")}
		}),
	)
	return command
}

func simulate(name, short string, hasToken bool, start func(*flags, string) (simulator, ready)) *cobra.Command {
	f := &flags{}
	command := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		Long: short + ` until SIGINT or SIGTERM. The first line on stdout, once it accepts connections, is its URL.
Its store, journal and faults are administered under /_eventrig/ from this machine only.`,
		Example: "  eventrig serve " + name + " --listen 127.0.0.1:8080 --world one-domain --world ./more.yaml",
	}
	set := command.Flags()
	set.StringVar(&f.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	set.StringArrayVar(&f.worlds, "world", nil, "world to start with: a name ("+strings.Join(worlds.Names(), ", ")+") or a file; repeatable")
	set.Uint64Var(&f.seed, "seed", 1, "seed of everything that the simulator draws")
	set.StringVarP(&f.output, "output", "o", "text", "text or json")
	if hasToken {
		set.StringVar(&f.token, "token", nautobot.DefaultToken, "API token that clients need")
	}
	command.RunE = func(command *cobra.Command, _ []string) error {
		if f.output != "text" && f.output != "json" {
			return failure.New(failure.BadInput, "want text or json", "unknown output %q", f.output)
		}
		return run(command, f, start)
	}
	return command
}

func run(command *cobra.Command, f *flags, start func(*flags, string) (simulator, ready)) error {
	var loaded []*worlds.World
	for _, name := range f.worlds {
		world, err := worlds.Open(name)
		if err != nil {
			return err
		}
		loaded = append(loaded, world)
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return failure.New(failure.Environment, "take another address with --listen; 127.0.0.1:0 takes a free port", "listen on %s: %w", f.listen, err)
	}
	s, announced := start(f, "http://"+listener.Addr().String())
	for _, world := range loaded {
		if err := s.Load(world); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := announce(command, f.output, announced); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return failure.New(failure.Environment, "", "serve on %s: %w", listener.Addr(), err)
	case <-command.Context().Done():
	}
	// The command's own context is over; the last answers still get their time.
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop server: %w", errors.Join(err, server.Close()))
	}
	return nil
}

func announce(command *cobra.Command, output string, announced ready) error {
	line := announced.URL
	if output == "json" {
		data, err := json.Marshal(announced)
		if err != nil {
			return fmt.Errorf("encode address: %w", err)
		}
		line = string(data)
	}
	if _, err := fmt.Fprintln(command.OutOrStdout(), line); err != nil {
		return fmt.Errorf("print address: %w", err)
	}
	return nil
}
