package broker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/internal/random"
)

// files is what the server reads and writes, all below Config.Dir.
type files struct {
	dir, config, definitions, plugins, home, log string
}

// write lays out the server's folder.
func (c Config) write() (files, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil || c.Dir == "" {
		return files{}, failure.New(failure.BadInput, "", "the broker needs a folder of its own, got %q", c.Dir)
	}
	f := files{
		dir: dir, config: filepath.Join(dir, "rabbitmq.config"), definitions: filepath.Join(dir, "definitions.json"),
		plugins: filepath.Join(dir, "enabled_plugins"), home: filepath.Join(dir, "home"), log: filepath.Join(dir, "rabbitmq.log"),
	}
	if err := os.MkdirAll(f.home, 0o700); err != nil {
		return f, failure.New(failure.Environment, "", "make the broker's folder: %w", err)
	}
	definitions, err := json.MarshalIndent(c.definitions(), "", "  ")
	if err != nil {
		return f, fmt.Errorf("write the broker's definitions: %w", err)
	}
	config, err := c.erlangConfig(f)
	if err != nil {
		return f, err
	}
	for path, content := range map[string]string{
		f.definitions: string(definitions),
		f.config:      config,
		f.plugins:     "[].\n",
		// Who has it may do anything: rabbitmqctl, and nobody who cannot read this folder.
		filepath.Join(f.home, ".erlang.cookie"): random.Hex(20),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return f, failure.New(failure.Environment, "", "write the broker's configuration: %w", err)
		}
	}
	// The server refuses a cookie that it may not also own alone.
	if err := os.Chmod(filepath.Join(f.home, ".erlang.cookie"), 0o400); err != nil {
		return f, failure.New(failure.Environment, "", "protect the broker's cookie: %w", err)
	}
	return f, nil
}

// erlangConfig renders the configuration as Erlang terms: the key=value format costs the server a third of a second, in
// which it reads the schemas of every plugin.
func (c Config) erlangConfig(f files) (string, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", failure.New(failure.BadInput, "give HOST:PORT", "read the broker's address: %w", err)
	}
	return fmt.Sprintf(`[
 {rabbit, [
  {tcp_listeners, [{%s, %s}]},
  {loopback_users, []},
  {load_definitions, %s},
  {disk_free_limit, 1000000},
  {vm_memory_high_watermark, {absolute, "1GiB"}},
  {collect_statistics_interval, 60000},
  {log, [{console, [{enabled, true}, {level, info}]}, {file, [{file, false}]}]}
 ]},
 {rabbitmq_management, [{tcp_config, [{ip, "127.0.0.1"}, {port, %d}]}]},
 {ra, [{wal_max_size_bytes, 16777216}, {wal_pre_allocate, false}, {segment_max_entries, 1024}]}
].
`, erlangString(host), port, erlangString(f.definitions), c.HTTP), nil
}

// definitions is RabbitMQ's export format: what UnderStack's topology operator makes, loaded before the first connection.
func (c Config) definitions() map[string]any {
	everything := func(user, vhost string) map[string]any {
		return map[string]any{"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
	}
	var vhosts, permissions []map[string]any
	users := []map[string]any{user(c.Admin, "administrator")}
	seenVHost, seenUser := map[string]bool{}, map[string]bool{c.Admin.User: true}
	for _, service := range c.Services {
		if !seenVHost[service.VHost] {
			seenVHost[service.VHost] = true
			vhosts = append(vhosts, map[string]any{
				"name": service.VHost,
				// 3.10 has no default queue type and ignores both; later versions read one or the other.
				"default_queue_type": "quorum",
				"metadata":           map[string]any{"default_queue_type": "quorum", "description": "", "tags": []string{}},
			})
			permissions = append(permissions, everything(c.Admin.User, service.VHost))
		}
		if !seenUser[service.User] {
			seenUser[service.User] = true
			users = append(users, user(service, ""))
		}
		if service.User != c.Admin.User {
			permissions = append(permissions, everything(service.User, service.VHost))
		}
	}
	return map[string]any{"vhosts": vhosts, "users": users, "permissions": permissions}
}

func user(service Service, tags string) map[string]any {
	return map[string]any{
		"name": service.User, "tags": tags,
		"password_hash": passwordHash(service.Password), "hashing_algorithm": "rabbit_password_hashing_sha256",
	}
}

// passwordHash is RabbitMQ's: base64 of a four byte salt and the SHA-256 of salt and password.
func passwordHash(password string) string {
	var salt [4]byte
	_, _ = rand.Read(salt[:]) // never fails: crypto/rand ends the process instead
	sum := sha256.Sum256(append(salt[:], password...))
	return base64.StdEncoding.EncodeToString(append(salt[:], sum[:]...))
}

// launch starts the server with an environment that says everything, so that neither the caller's nor the host's own
// configuration of RabbitMQ plays a part.
func (c Config) launch(ctx context.Context, f files) (Process, error) {
	return c.run(ctx, f, Command{Name: "rabbitmq", Path: c.Server.Path, Env: f.environment(c.Distribution), Dir: f.dir, Log: f.log})
}

// run runs a program of the server's installation, where the server itself runs.
func (c Config) run(ctx context.Context, f files, command Command) (Process, error) {
	if c.Server.Root == "" {
		return c.Launcher.Launch(ctx, command)
	}
	launcher, ok := c.Launcher.(RootLauncher)
	if !ok {
		return nil, failure.New(failure.Environment, "install rabbitmq-server on the host, or run inside a sandbox",
			"the launcher cannot run a server of the root file system %s", c.Server.Root)
	}
	return launcher.LaunchRoot(ctx, c.Server.Root, f.dir, command)
}

// preload is an Erlang expression that loads the server's code in the background, several modules at a time and before the
// server asks for the first. RabbitMQ looks for boot steps in every module of every application that it has, and loading
// them one after the other is most of its boot: with this it takes a third less time and processor. It holds no space and
// no quote because it travels through ERL_AFLAGS; an application that this version lacks is passed over.
const preload = "-eval spawn(fun()->[catch(code:ensure_modules_loaded([list_to_atom(filename:basename(F,[$.|atom_to_list(beam)]))" +
	"||F<-filelib:wildcard(filename:join([code:lib_dir(A),ebin,[$*,$.|atom_to_list(beam)]]))]))" +
	"||A<-[rabbit_common,rabbit,stdlib,kernel,ssl,public_key,crypto,asn1,mnesia,inets,compiler,ra,osiris,khepri,syntax_tools,xmerl," +
	"os_mon,sasl,ranch,tools,runtime_tools,recon,rabbitmq_prelaunch,cuttlefish,aten,seshat,systemd,syslog,credentials_obfuscation," +
	"amqp10_common,jsx,thoas]]end)."

// oneFileThread gives the virtual machine one thread for file operations instead of ten. While thousands of files with code
// are loaded the ten only wake one another: with one the boot takes a tenth less processor, and on busy cores, where each
// waking costs a time slice, up to half the time. The data lies on a tmpfs, so that no operation takes long.
const oneFileThread = "+SDio 1"

// node is the server's name as an Erlang node. Each rig's is called so: the port decides who is meant.
const node = "eventrig@localhost"

// environment is that of the server's process. Its node listens for rabbitmqctl on loopback at a port that both know, so
// that nobody needs epmd: no daemon is left behind, and no port but the two is taken. Being up before RabbitMQ looks keeps
// it from starting epmd itself. The two ERL_ variables hold for the helper virtual machines that its epmd monitor starts,
// too; the first dist_listen of a command line counts, and theirs is the one in ERL_ZFLAGS.
func (f files) environment(distribution int) []string {
	return append(f.common(),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-dist_listen true -kernel inet_dist_use_interface {127,0,0,1} "+oneFileThread+" -sname "+node,
		"ERL_AFLAGS="+preload,
		"ERL_ZFLAGS="+quiet(distribution),
		"ERL_CRASH_DUMP_SECONDS=0",
		// The script then becomes the virtual machine instead of waiting for it as a child.
		"RUNNING_UNDER_SYSTEMD=true",
	)
}

// toolEnvironment is that of rabbitmqctl and its like.
func (f files) toolEnvironment(distribution int) []string {
	return append(f.common(), "ERL_AFLAGS="+quiet(distribution))
}

// quiet keeps a virtual machine from listening and from epmd: the port of every other node is the given one.
func quiet(distribution int) string {
	return fmt.Sprintf("-start_epmd false -dist_listen false -erl_epmd_port %d", distribution)
}

// common says everything that the scripts of an installation would otherwise read from the host's own configuration.
func (f files) common() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin",
		"HOME=" + f.home,
		"LANG=C.UTF-8",
		"RABBITMQ_NODENAME=" + node,
		"RABBITMQ_BASE=" + f.dir,
		"RABBITMQ_MNESIA_BASE=" + filepath.Join(f.dir, "data"),
		"RABBITMQ_LOG_BASE=" + filepath.Join(f.dir, "log"),
		"RABBITMQ_CONFIG_FILE=" + f.config,
		"RABBITMQ_ADVANCED_CONFIG_FILE=" + filepath.Join(f.dir, "no-advanced.config"),
		"RABBITMQ_CONFIG_FILES=" + filepath.Join(f.dir, "no-conf.d"),
		"RABBITMQ_CONF_ENV_FILE=" + filepath.Join(f.dir, "no-env.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + f.plugins,
		"RABBITMQ_PID_FILE=" + filepath.Join(f.dir, "pid"),
		"ERL_EPMD_PORT=1",
		"ERL_EPMD_ADDRESS=127.0.0.1",
	}
}

// exitHint reads the usual reasons for an early exit out of the log.
func exitHint(log string) string {
	text := logfile.Tail(log, 200)
	switch {
	case strings.Contains(text, "eaddrinuse"):
		return "the port is taken: stop what listens there, or let the rig choose one"
	case strings.Contains(text, "enospc"):
		return "the disk is full"
	case strings.Contains(text, "exec: erl: not found"):
		return "Erlang is missing: run scripts/setup.sh"
	default:
		return "see " + log
	}
}

func erlangString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
