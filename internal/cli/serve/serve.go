// Package serve holds `eventrig serve`: a simulator on its own, for a handler under development or another project's
// tests. In: flags. Out: the simulator's URL as the first line of stdout, then a server until a signal comes.
package serve

import (
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/undersync"
)

type flags struct {
	listen  string
	worlds  []string
	seed    uint64
	token   string
	state   string
	openAPI string
	output  string
	tls     bool
	caFile  string
	journal int

	username, password string

	amqp       string
	transition time.Duration
	log        func(format string, arguments ...any)
}

// ready is what `-o json` prints.
type ready struct {
	URL        string `json:"url"`                  // of the API; for OpenStack Keystone's
	Token      string `json:"token,omitempty"`      // that clients need: of Nautobot and Undersync
	Username   string `json:"username,omitempty"`   // that clients need: of ONTAP
	Password   string `json:"password,omitempty"`   // to Username
	CloudsYAML string `json:"cloudsYAML,omitempty"` // of OpenStack: a clouds.yaml with the cloud understack
	CA         string `json:"ca,omitempty"`         // with TLS: the certificate, in PEM, that clients need to trust
}

type simulator interface {
	http.Handler
	Load(*worlds.World) error
}

// started is a simulator with what clients need to know.
type started struct {
	simulator
	ready
	limitJournal func(entries int)
}

// kind is a simulator that can be served.
type kind struct {
	name, short string
	tls         bool                         // clients of the real one speak https only
	flags       func(*pflag.FlagSet, *flags) // those that it has beside the common ones
	start       func(f *flags, url string) (started, error)
}

var kinds = []kind{
	{
		name: "nautobot", short: "Run a simulated Nautobot",
		flags: func(set *pflag.FlagSet, f *flags) {
			set.StringVar(&f.token, "token", nautobot.DefaultToken, "API token that clients need")
			set.StringVar(&f.state, "state", "", "file that keeps the records across restarts; worlds are loaded while it holds none")
			set.StringVar(&f.openAPI, "openapi", "", "OpenAPI document, as a Nautobot serves it at /api/swagger.yaml, whose models are added")
		},
		start: func(f *flags, url string) (started, error) {
			s, err := nautobot.Open(nautobot.Config{Seed: f.seed, Token: f.token, StateFile: f.state, OpenAPIFile: f.openAPI})
			if err != nil {
				return started{}, err
			}
			collectSeldom()
			return started{s, ready{URL: url, Token: s.Token()}, s.Journal().KeepEntries}, nil
		},
	},
	{
		name: "openstack", short: "Run a simulated OpenStack cloud",
		flags: openstackFlags, start: startOpenStack,
	},
	{name: "ontap", short: "Run a simulated NetApp ONTAP cluster", tls: true, flags: ontapFlags, start: startONTAP},
	{
		name: "undersync", short: "Run a simulated Undersync",
		flags: func(set *pflag.FlagSet, f *flags) {
			set.StringVar(&f.token, "token", undersync.DefaultToken, "bearer token that clients need")
		},
		start: func(f *flags, url string) (started, error) {
			s := undersync.New(undersync.Config{Seed: f.seed, Token: f.token})
			return started{s, ready{URL: url, Token: s.Token()}, s.Journal().KeepEntries}, nil
		},
	},
}

// collectSeldom trades memory for answers in time: with a large inventory most of the processor time of a page is the
// garbage collector's, which looks through all records each time. GOGC in the environment wins.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// New makes the command.
func New() *cobra.Command {
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run a simulator on its own",
		Example: `  eventrig serve nautobot --world one-domain
  eventrig serve openstack -o json | jq -r .cloudsYAML`,
	}
	for _, one := range kinds {
		command.AddCommand(simulate(one))
	}
	return command
}

func simulate(k kind) *cobra.Command {
	f := &flags{}
	command := &cobra.Command{
		Use: k.name, Short: k.short, Args: cobra.NoArgs,
		Long: k.short + ` until SIGINT or SIGTERM. The first line on stdout, once it accepts connections, is its URL.
Its store, journal and faults are administered under /_eventrig/ from this machine only.

A signal ends it with exit status 0 once the requests in flight are answered, and with 130 if they take longer than 5 s;
a second signal ends it at once.`,
		Example: "  eventrig serve " + k.name + " --listen 127.0.0.1:8080 --world one-domain --world ./more.yaml",
	}
	set := command.Flags()
	set.StringVar(&f.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	set.StringArrayVar(&f.worlds, "world", nil, "world to start with: a name ("+strings.Join(worlds.Names(), ", ")+") or a file; repeatable")
	set.Uint64Var(&f.seed, "seed", 1, "seed of everything that the simulator draws")
	set.StringVarP(&f.output, "output", "o", "text", "text or json")
	set.BoolVar(&f.tls, "tls", k.tls, "serve https with a certificate of its own making")
	set.StringVar(&f.caFile, "ca-file", "", "with --tls: write the certificate that clients need to trust to this file")
	set.IntVar(&f.journal, "journal", 50_000, "how many requests the journal keeps")
	if k.flags != nil {
		k.flags(set, f)
	}
	command.RunE = func(command *cobra.Command, _ []string) error {
		switch {
		case f.output != "text" && f.output != "json":
			return failure.New(failure.BadInput, "want text or json", "unknown output %q", f.output)
		case f.journal < 1:
			return failure.New(failure.BadInput, "want 1 or more", "--journal is %d", f.journal)
		case f.caFile != "" && !f.tls:
			return failure.New(failure.BadInput, "add --tls", "--ca-file has no meaning without TLS")
		}
		f.log = func(format string, arguments ...any) { command.PrintErrf(format+"\n", arguments...) }
		return run(command, f, k)
	}
	return command
}
