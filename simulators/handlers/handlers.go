// Package handlers holds stand-ins for the commands in UnderStack's workflow images: the same flags, requests in the same
// order, outputs and exit codes, defects included, but small static Go instead of a Python image. In: a command's
// arguments and surroundings. Out: its exit code.
package handlers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Surroundings are what a command has around it in its container.
type Surroundings struct {
	Getenv func(string) string
	Root   string // where /etc lies; "/" in a container
	Stdout io.Writer
	Stderr io.Writer
	Now    func() time.Time

	Stdin     io.Reader                                   // may be nil: empty
	Transport http.RoundTripper                           // of requests; http.DefaultTransport when nil
	Exec      func(path string, arguments []string) error // becomes another program; nil where that cannot be done
}

// path is a file of the container.
func (s Surroundings) path(name string) string { return filepath.Join(s.Root, name) }

// logf writes a line as UnderStack's setup_logger has it.
func (s Surroundings) logf(logger, level, format string, arguments ...any) {
	fmt.Fprintf(s.Stderr, "%s - %s - %s - %s\n", s.Now().Format("2006-01-02 15:04:05 -0700"), logger, level, fmt.Sprintf(format, arguments...))
}

// client makes HTTP requests; certificates are the authorities that it trusts besides the system's.
func (s Surroundings) client(certificates *x509.CertPool) *http.Client {
	if s.Transport != nil {
		return &http.Client{Transport: s.Transport}
	}
	if certificates == nil {
		return http.DefaultClient
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: certificates, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}
}

// credential reads a file below /etc as UnderStack's helper of that name does.
func (s Surroundings) credential(folder, item string) (string, error) {
	data, err := os.ReadFile(s.path("/etc/" + folder + "/" + item))
	if err != nil {
		return "", fmt.Errorf("FileNotFoundError: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// nautobot is the client that the flags, the environment and the mounted token make.
func (s Surroundings) nautobot(values map[string]string) (nautobotClient, error) {
	token := values["--nautobot_token"]
	if token == "" {
		var err error
		if token, err = s.credential("nb-token", "token"); err != nil {
			return nautobotClient{}, err
		}
	}
	base := values["--nautobot_url"]
	if base == "" {
		base = s.Getenv("NAUTOBOT_URL")
	}
	if base == "" {
		base = defaultNautobotURL
	}
	return nautobotClient{client: s.client(nil), base: base, token: token}, nil
}

// nautobotOptions are parser_nautobot_args of UnderStack's helpers.
var nautobotOptions = []option{
	{name: "--nautobot_url", metavar: "NAUTOBOT_URL", help: "Nautobot API " + defaultNautobotURL, check: isURL},
	{name: "--nautobot_token", metavar: "NAUTOBOT_TOKEN"},
}

// arguments parses a command's arguments; done says that the command ends with code.
func (s Surroundings) arguments(p parser, arguments []string) (values map[string]string, code int, done bool) {
	values, err := p.parse(arguments)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(s.Stdout, p.help())
		return nil, 0, true
	case err != nil:
		fmt.Fprintf(s.Stderr, "%s%s: error: %v\n", p.usage(), p.program, err)
		return nil, 2, true
	}
	return values, 0, false
}

// command is one command of an image.
type command func(ctx context.Context, s Surroundings, arguments []string) int

var commands map[string]command

func init() { // a literal would refer to itself by way of Names
	commands = map[string]command{
		"ansible-playbook":            ansiblePlaybook,
		"ansible-runner":              ansibleRunner,
		"enroll-fw":                   enrollFirewall,
		"enroll-netdev":               enrollNetdev,
		"netapp-configure-interfaces": netappConfigureInterfaces,
		"resync-ironic-nautobot":      resyncIronic,
		"resync-keystone-nautobot":    resyncKeystone,
		"resync-neutron-nautobot":     resyncNeutron,
		"openstack-oslo-event":        openstackOsloEvent,
		"openstack":                   openstackCLI,
		"python":                      python,
		"python3":                     python,
		"sync-keystone":               syncKeystone,
		"sync-network-segment-range":  syncSegmentRange,
		"undersync-switch":            undersyncSwitch,
	}
}

// Names returns the commands that there are.
func Names() []string {
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Run runs the command that the program's own name or else the first argument names.
func Run(ctx context.Context, s Surroundings, program string, arguments []string) int {
	if run, ok := commands[filepath.Base(program)]; ok {
		return run(ctx, s, arguments)
	}
	if len(arguments) > 0 {
		if run, ok := commands[arguments[0]]; ok {
			return run(ctx, s, arguments[1:])
		}
	}
	fmt.Fprintf(s.Stderr, "usage: %s COMMAND [ARGUMENT...]\ncommands: %s\n", filepath.Base(program), strings.Join(Names(), ", "))
	return 2
}

// crash is what an uncaught Python exception leaves: a traceback and exit code 1.
func (s Surroundings) crash(err error) int {
	fmt.Fprintf(s.Stderr, "Traceback (most recent call last):\n%v\n", err)
	return 1
}
