package rig

import (
	"context"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"time"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
)

// reportTimeout bounds how long RabbitMQ's report of its state may take: a run that failed is not kept waiting by it.
const reportTimeout = 30 * time.Second

// RabbitMQCtl runs rabbitmqctl, the one that came with the server, against the rig's RabbitMQ.
func (r *Rig) RabbitMQCtl(ctx context.Context, arguments ...string) (broker.Answer, error) {
	return r.broker.Control(ctx, arguments...)
}

// serveManagement makes RabbitMQ's HTTP API and management page reachable from outside, over loopback, and returns their
// URL with user and password; "" where RabbitMQ is not the rig's own. RabbitMQ starts them at the first request.
func (r *Rig) serveManagement() (string, error) {
	if !r.options.ownBroker() {
		return "", nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", failure.New(failure.Environment, "", "listen for RabbitMQ's HTTP API: %w", err)
	}
	quiet := log.New(discard{}, "", 0)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(&url.URL{Scheme: "http", Host: request.In.Host})
			request.Out.Host = request.In.Host
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.broker.DialManagement(ctx) }},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
		ErrorLog: quiet,
	}
	server := &http.Server{Handler: proxy, ErrorLog: quiet}
	go func() { _ = server.Serve(listener) }() // ends with Close
	r.onClose(server.Close)
	address := url.URL{Scheme: "http", User: url.UserPassword(r.broker.User(), r.broker.Password()), Host: listener.Addr().String()}
	return address.String(), nil
}

// saveBrokerReport asks RabbitMQ for its state, connections, queues with their depths and consumers, and bindings among it, and
// keeps it where it is the rig's own and runs. That it could not be asked is said there: what else is known of a run does not
// depend on it.
func (r *Rig) saveBrokerReport(folder string) error {
	r.mu.Lock()
	asked := r.broker
	r.mu.Unlock()
	if asked == nil || !asked.Own() || r.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	report, err := asked.Report(ctx)
	if err != nil {
		report = "RabbitMQ did not tell its state: " + err.Error() + "\n"
	}
	return write(filepath.Join(folder, r.options.Name, "rabbitmq", "report.txt"), []byte(report))
}
