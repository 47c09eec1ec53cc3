// Command podtool is what the pods of the specs run where a shell does not do: servers to probe and to reach, look-ups as a
// pod's own resolver makes them, and the only program in images that hold no other. It is static and depends on nothing in
// its root file system.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// lookupTimeout bounds one question to the DNS, and one request.
const lookupTimeout = 5 * time.Second

const usage = `podtool serve HTTPADDRESS [GRPCADDRESS]   until SIGTERM: / is the host name, /client the caller's address, /exists?path= 200 or 503
podtool lookup host|srv|cname NAME        sorted, one per line
podtool get URL                           the body; status 400 and above is an error
podtool cat PATH... | touch PATH... | env NAME... | id | pwd | args ...
podtool wait                              until SIGTERM
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "podtool:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command is given:\n%s", usage)
	}
	rest := args[1:]
	switch args[0] {
	case "serve":
		return serve(rest)
	case "wait":
		fmt.Println("waiting")
		<-terminated()
		fmt.Println("terminated")
		return nil
	case "lookup":
		return lookup(rest)
	case "get":
		return each(rest, get)
	case "cat":
		return each(rest, func(path string) error {
			data, err := os.ReadFile(path)
			fmt.Print(string(data))
			return err
		})
	case "touch":
		return each(rest, func(path string) error { return os.WriteFile(path, nil, 0o644) })
	case "env":
		return each(rest, func(name string) error {
			fmt.Printf("%s=%s\n", name, os.Getenv(name))
			return nil
		})
	case "id":
		groups, err := os.Getgroups()
		fmt.Println("uid", os.Getuid(), "gid", os.Getgid(), "groups", groups)
		return err
	case "pwd":
		dir, err := os.Getwd()
		fmt.Println(dir)
		return err
	case "args":
		fmt.Println(strings.Join(rest, " "))
		return nil
	}
	return fmt.Errorf("%q is no command\n%s", args[0], usage)
}

func each(args []string, do func(string) error) error {
	for _, arg := range args {
		if err := do(arg); err != nil {
			return err
		}
	}
	return nil
}

func terminated() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	return signals
}

func serve(addresses []string) error {
	if len(addresses) == 0 {
		return errors.New("serve needs an address")
	}
	failed := make(chan error, 2)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintln(w, name)
	})
	mux.HandleFunc("/client", func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintln(w, host)
	})
	mux.HandleFunc("/exists", func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(r.URL.Query().Get("path")); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	listener, err := net.Listen("tcp", addresses[0])
	if err != nil {
		return err
	}
	go func() { failed <- http.Serve(listener, mux) }()
	if len(addresses) > 1 {
		listener, err := net.Listen("tcp", addresses[1])
		if err != nil {
			return err
		}
		server := grpc.NewServer()
		healthpb.RegisterHealthServer(server, health.NewServer()) // SERVING from the start
		go func() { failed <- server.Serve(listener) }()
	}
	fmt.Println("serving")
	select {
	case err := <-failed:
		return err
	case <-terminated():
		fmt.Println("terminated")
		return nil
	}
}

func lookup(args []string) error {
	if len(args) != 2 {
		return errors.New("lookup needs a kind and a name")
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	resolver := &net.Resolver{PreferGo: true}
	var lines []string
	var err error
	switch args[0] {
	case "host":
		lines, err = resolver.LookupHost(ctx, args[1])
	case "cname":
		var name string
		name, err = resolver.LookupCNAME(ctx, args[1])
		lines = []string{name}
	case "srv":
		var records []*net.SRV
		_, records, err = resolver.LookupSRV(ctx, "", "", args[1])
		for _, record := range records {
			lines = append(lines, record.Target+" "+strconv.Itoa(int(record.Port)))
		}
	default:
		err = fmt.Errorf("%q is no kind of record", args[0])
	}
	if err != nil {
		return err
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n"))
	return nil
}

func get(url string) error {
	client := http.Client{Timeout: lookupTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("GET %s: %s: %s", url, response.Status, body)
	}
	fmt.Print(string(body))
	return err
}
