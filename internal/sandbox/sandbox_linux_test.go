package sandbox_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/sandbox"
)

func TestRunWritesTheLogAndReportsTheExit(t *testing.T) {
	box, dir := start(t)
	log := filepath.Join(dir, "logs", "child.log")
	child, err := box.Run(bounded(t), sandbox.Process{Name: "failing", Path: "/bin/sh", Args: []string{"-c", "echo out; echo err >&2; pwd; echo $COLOUR; exit 7"},
		Env: []string{"COLOUR=green"}, Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if child.Pid() <= 1 {
		t.Errorf("pid %d", child.Pid())
	}
	wait(t, child)
	var exit *sandbox.ExitError
	if !errors.As(child.Err(), &exit) || exit.Status != 7 || exit.Name != "failing" {
		t.Errorf("exit is %v, want status 7 of failing", child.Err())
	}
	text, err := os.ReadFile(log)
	if want := "out\nerr\n" + dir + "\ngreen\n"; err != nil || string(text) != want {
		t.Errorf("log is %q (%v), want %q", text, err, want)
	}
}

func TestSignalEndsAProcessAndItsGroupOnKill(t *testing.T) {
	box, _ := start(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		child, err := box.Run(bounded(t), sandbox.Process{Name: "sleeper", Path: "sleep", Args: []string{"3600"}, Env: environment})
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Signal(signal); err != nil {
			t.Fatal(err)
		}
		wait(t, child)
		var exit *sandbox.ExitError
		if !errors.As(child.Err(), &exit) || exit.Signal != signal {
			t.Errorf("exit is %v, want signal %v", child.Err(), signal)
		}
		if err := child.Signal(signal); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("signal of an ended process: %v", err)
		}
	}
	wrapper, err := box.Run(bounded(t), sandbox.Process{Name: "wrapper", Path: "sh", Args: []string{"-c", "sleep 3601; true"}, Env: environment})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string { return unless(runs(t, box, "sleep 3601"), "the wrapped program does not start") })
	if err := wrapper.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait(t, wrapper)
	eventually(t, func() string { return unless(!runs(t, box, "sleep 3601"), "the wrapped program outlives its wrapper") })
}

func runs(t *testing.T, box *sandbox.Sandbox, command string) bool {
	t.Helper()
	processes, err := box.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if process.Command == command && !strings.HasPrefix(process.State, "Z") {
			return true
		}
	}
	return false
}

func unless(ok bool, wrong string) string {
	if ok {
		return ""
	}
	return wrong
}

func TestRunNamesWhatIsMissing(t *testing.T) {
	box, dir := start(t)
	for want, process := range map[string]sandbox.Process{
		"/no/such/program": {Path: "/no/such/program"},
		"PATH":             {Path: "no-such-program", Env: environment},
		"working folder":   {Path: "/bin/true", Dir: filepath.Join(dir, "none")},
	} {
		_, err := box.Run(bounded(t), process)
		if !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v: want ENOENT and %q", err, want)
		}
	}
}

func TestAProcessMayHaveALongEnvironment(t *testing.T) {
	box, dir := start(t)
	log := filepath.Join(dir, "log")
	child, err := box.Run(bounded(t), sandbox.Process{Path: "sh", Args: []string{"-c", "echo ${#LONG}"},
		Env: append([]string{"LONG=" + strings.Repeat("x", 120_000)}, environment...), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, child)
	if text, err := os.ReadFile(log); err != nil || string(text) != "120000\n" {
		t.Errorf("the variable's length is %q, %v", text, err)
	}
}

func TestInsideIsAHostOfItsOwn(t *testing.T) {
	box, dir := start(t)
	for script, want := range map[string]string{
		"hostname":                                        sandbox.Hostname,
		"cat /proc/sys/net/ipv4/ip_forward":               "1",
		"getent hosts eventrig | cut -d' ' -f1":           "10.244.0.1",
		"ls /sys/class/net":                               "lo",
		"id -u":                                           "0",
		"stat -f -c %T " + filepath.Join(dir, "run"):      "tmpfs",
		"touch " + dir + "/run/inside && echo written":    "written",
		"ls /proc/1/fd | wc -l | awk '{print ($1 < 16)}'": "1",
	} {
		if got := shell(t, box, script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "inside")); !os.IsNotExist(err) {
		t.Errorf("the tmpfs shows on the host: %v", err)
	}
}

func TestDialReachesAListenerInside(t *testing.T) {
	box, dir := start(t)
	log := filepath.Join(dir, "echo.log")
	if _, err := box.Run(bounded(t), role(t, "echo", log, "10.244.0.1:5672")); err != nil {
		t.Fatal(err)
	}
	awaitListening(t, log)
	conn, err := box.Dial(bounded(t), "tcp", "10.244.0.1:5672")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if answer, err := exchange(conn, "hello"); answer != "hello" || err != nil {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func awaitListening(t *testing.T, log string) {
	t.Helper()
	eventually(t, func() string {
		text, _ := os.ReadFile(log)
		return unless(strings.Contains(string(text), "listening"), "the server does not listen: "+string(text))
	})
}

func TestDialIsRefusedAsOnAnyHost(t *testing.T) {
	box, _ := start(t)
	for _, address := range []string{"10.244.0.1:1", "10.96.77.7:443"} { // a service address without a service must not hang either
		_, err := box.Dial(bounded(t), "tcp", address)
		var network *net.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &network) || network.Op != "dial" {
			t.Errorf("dial %s: %v, want a refusal", address, err)
		}
	}
	if _, err := box.Dial(bounded(t), "tcp", "192.0.2.1:80"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("dial out of the sandbox: %v, want ENETUNREACH", err)
	}
}

func TestDialHonoursItsContext(t *testing.T) {
	box, _ := start(t)
	// Nobody accepts: with its backlog full a listener leaves further connections waiting.
	listener, err := box.Listen("tcp", "10.244.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	limitBacklog(t, listener)
	for err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		var conn net.Conn
		if conn, err = box.Dial(ctx, "tcp", "10.244.0.1:9000"); err == nil {
			defer conn.Close()
		}
	}
	var network net.Error
	if !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("dial with a deadline: %v, want a timeout", err)
	}
	cancelled, stop := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, stop)
	if _, err := box.Dial(cancelled, "tcp", "10.244.0.1:9000"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled dial: %v", err)
	}
}

func limitBacklog(t *testing.T, listener net.Listener) {
	t.Helper()
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestServiceAddressIsRewrittenForTheSandboxItself(t *testing.T) {
	box, dir := start(t)
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("nft is not installed: ", err)
	}
	log := filepath.Join(dir, "echo.log")
	if _, err := box.Run(bounded(t), role(t, "echo", log, "10.244.0.1:7001")); err != nil {
		t.Fatal(err)
	}
	awaitListening(t, log)
	shell(t, box, `nft 'table ip services { chain output { type nat hook output priority -100; ip daddr 10.96.5.5 tcp dport 80 dnat to 10.244.0.1:7001; }; }'`)
	conn, err := box.Dial(bounded(t), "tcp", "10.96.5.5:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if answer, err := exchange(conn, "hello"); answer != "hello" || err != nil {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestListenIsReachedFromInside(t *testing.T) {
	box, dir := start(t)
	listener, err := box.Listen("tcp", "10.244.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go answerOnce(listener, "from outside")
	log := filepath.Join(dir, "call.log")
	child, err := box.Run(bounded(t), role(t, "call", log, "10.244.0.1:8080", "question"))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, child)
	text, _ := os.ReadFile(log)
	if child.Err() != nil || string(text) != "from outside\n" {
		t.Errorf("%v: %q", child.Err(), text)
	}
	if _, err := box.Listen("tcp", "10.244.0.1:8080"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening twice: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := box.Dial(bounded(t), "tcp", "10.244.0.1:8080"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial to a closed listener: %v", err)
	}
}

func answerOnce(listener net.Listener, text string) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Read(make([]byte, 64))
	_, _ = conn.Write([]byte(text))
}

func TestForwardLeadsInsideUntilItIsClosed(t *testing.T) {
	box, dir := start(t)
	log := filepath.Join(dir, "echo.log")
	if _, err := box.Run(bounded(t), role(t, "echo", log, "10.244.0.1:7000")); err != nil {
		t.Fatal(err)
	}
	awaitListening(t, log)
	host, closeForward, err := box.Forward("10.244.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", strings.Repeat("large ", 100_000)} {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := exchangeLarge(conn, text); answer != text || err != nil {
			t.Errorf("%d bytes came back of %d: %v", len(answer), len(text), err)
		}
		conn.Close()
	}
	closeForward()
	if conn, err := net.Dial("tcp", host); err == nil {
		conn.Close()
		t.Error("the closed forward still accepts")
	}
}

func TestExposeLeadsOutsideUntilItIsClosed(t *testing.T) {
	box, dir := start(t)
	log := filepath.Join(dir, "echo.log")
	if _, err := box.Run(bounded(t), role(t, "echo", log, "10.244.0.1:7000")); err != nil {
		t.Fatal(err)
	}
	awaitListening(t, log)
	// What lies outside is reached from inside through a forward, so that the echo crosses the border twice.
	host, closeForward, err := box.Forward("10.244.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer closeForward()
	closeExposed, err := box.Expose("10.244.0.1:7001", func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", host)
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := box.Dial(bounded(t), "tcp", "10.244.0.1:7001")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("large ", 100_000)
	if answer, err := exchangeLarge(conn, text); answer != text || err != nil {
		t.Errorf("%d bytes came back of %d: %v", len(answer), len(text), err)
	}
	conn.Close()
	closeExposed()
	if conn, err := box.Dial(bounded(t), "tcp", "10.244.0.1:7001"); err == nil {
		conn.Close()
		t.Error("the closed address still accepts")
	}
}

// exchangeLarge sends while it receives, as text may be more than the sockets' buffers hold.
func exchangeLarge(conn net.Conn, text string) (string, error) {
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write([]byte(text))
		sent <- errors.Join(err, conn.(*net.TCPConn).CloseWrite())
	}()
	answer, err := readAll(conn)
	return answer, errors.Join(err, <-sent)
}

func TestSandboxesSideBySideUseTheSameAddresses(t *testing.T) {
	for _, name := range []string{"first", "second"} {
		box, dir := start(t)
		log := filepath.Join(dir, name+".log")
		if _, err := box.Run(bounded(t), role(t, "echo", log, "10.244.0.1:5672")); err != nil {
			t.Fatal(err)
		}
		awaitListening(t, log)
	}
}

func TestMemoryAndProcessesOfEverythingInside(t *testing.T) {
	box, _ := start(t)
	if _, err := box.Run(bounded(t), sandbox.Process{Name: "sleeper", Path: "sh", Args: []string{"-c", "sleep 3602 & wait"}, Env: environment}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string { return unless(runs(t, box, "sleep 3602"), "the grandchild is not listed") })
	now, err := box.PSS()
	if err != nil || now < 1<<20 {
		t.Errorf("PSS %d, %v: the supervisor alone has more", now, err)
	}
	if peak, err := box.PeakPSS(); err != nil || peak < now {
		t.Errorf("peak %d, %v, below the sample %d", peak, err, now)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	box, _ := start(t)
	shell(t, box, "(sleep 0.05 &) ; true")
	eventually(t, func() string {
		processes, err := box.Processes()
		if err != nil {
			return err.Error()
		}
		return unless(len(processes) == 1, "more than the supervisor is left")
	})
}

func TestChrootedProcess(t *testing.T) {
	box, dir := start(t)
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(supervisor) // static, and says what it is when it is not pid 1
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin", "only"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	child, err := box.Run(bounded(t), sandbox.Process{Path: "only", Root: root, Env: []string{"PATH=/bin"}, Log: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, child)
	var exit *sandbox.ExitError
	if !errors.As(child.Err(), &exit) || exit.Status != 2 {
		t.Errorf("exit %v", child.Err())
	}
}
