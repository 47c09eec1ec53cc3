package publish

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// record is what the JSON output says of a message.
type record struct {
	MessageID  string          `json:"messageID"`
	EventType  string          `json:"eventType"`
	VHost      string          `json:"vhost"`
	Exchange   string          `json:"exchange"`
	RoutingKey string          `json:"routingKey"`
	Body       json.RawMessage `json:"body,omitempty"` // with --dry-run
}

func run(cmd *cobra.Command, f flags, args []string, locate Locate) error {
	if err := f.check(args); err != nil {
		return err
	}
	catalogue, err := oslo.Default()
	if err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	if f.list {
		return list(cmd.OutOrStdout(), catalogue, args, f.output)
	}
	options, err := f.edits()
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("seed") {
		options.Random = oslo.NewRandom(f.seed)
	}
	if f.time != "" {
		if options.Now, err = time.Parse(time.RFC3339Nano, f.time); err != nil {
			return failure.New(failure.BadInput, "for example 2026-01-02T03:04:05Z", "read --time: %w", err)
		}
	}
	next, err := f.source(cmd.InOrStdin(), catalogue, args, options)
	if err != nil {
		return err
	}
	if f.dryRun {
		return f.dry(cmd, next)
	}
	return f.send(cmd, next, locate)
}

// source returns what makes one message after the other. The flags' mistakes show here, before anything is sent.
func (f flags) source(stdin io.Reader, catalogue *oslo.Catalogue, args []string, options oslo.Options) (func() oslo.Rendered, error) {
	driver := oslo.Driver(f.driver)
	if f.file == "" {
		template, err := catalogue.Lookup(args[0])
		if err != nil {
			return nil, err
		}
		series, err := template.Series(options, driver)
		if err != nil {
			return nil, err
		}
		return series.Next, nil
	}
	notification, written, err := readFile(f.file, stdin)
	if err != nil {
		return nil, err
	}
	if notification, err = notification.Edit(options); err != nil {
		return nil, fmt.Errorf("change %s: %w", f.file, err)
	}
	service := ""
	if len(args) > 0 {
		service, _, _ = strings.Cut(args[0], "/")
	}
	route, err := catalogue.Route(service, notification)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", f.file, err)
	}
	driver = cmp.Or(driver, written)
	// The first goes out as it is, copies of it have identifiers of their own.
	body, err := notification.Body(driver)
	if err != nil {
		return nil, err
	}
	copies, err := notification.Series(route, options, driver)
	if err != nil {
		return nil, err
	}
	first := true
	return func() oslo.Rendered {
		if !first {
			return copies.Next()
		}
		first = false
		return oslo.Rendered{Message: oslo.Message{Route: route, Body: body}, MessageID: notification.MessageID, EventType: notification.EventType}
	}, nil
}

func readFile(name string, stdin io.Reader) (oslo.Notification, oslo.Driver, error) {
	read := func() ([]byte, error) { return os.ReadFile(name) }
	if name == "-" {
		read = func() ([]byte, error) { return io.ReadAll(stdin) }
	}
	data, err := read()
	if err != nil {
		return oslo.Notification{}, "", failure.New(failure.BadInput, "", "read the notification: %w", err)
	}
	notification, driver, err := oslo.Parse(data)
	if err != nil {
		return notification, driver, fmt.Errorf("read %s: %w", name, err)
	}
	return notification, driver, nil
}

// dry prints what would be sent: the bodies on stdout, one in a line, where they would go on stderr.
func (f flags) dry(cmd *cobra.Command, next func() oslo.Rendered) error {
	records := []record{}
	for range f.count {
		m := next()
		if f.output == "json" {
			r := recordOf(m)
			r.Body = m.Body
			records = append(records, r)
			continue
		}
		cmd.PrintErrf("would go to %s\n", target(m))
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", m.Body); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if f.output == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{"published": false, "notifications": records})
	}
	return nil
}

// send publishes the messages at the rate asked for, and prints each once the broker has confirmed it, so also those
// before an error.
func (f flags) send(cmd *cobra.Command, next func() oslo.Rendered, locate Locate) (err error) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	first := next()
	address, vhost, err := f.address(first.Route.VHost, locate)
	if err != nil {
		return err
	}
	publisher, closeAll, err := connect(ctx, address, cmd.PrintErrf)
	if err != nil {
		return err
	}
	defer closeAll()

	report, finish := f.reporter(cmd.OutOrStdout())
	defer func() {
		if finishErr := finish(err == nil); err == nil {
			err = finishErr
		}
	}()
	begin, confirmed := time.Now(), 0
	// Stream confirms in the order of sending, so the oldest of these is the one that was confirmed.
	underway := make(chan oslo.Rendered, oslo.Window+2)
	err = publisher.Stream(ctx, func(yield func(oslo.Message, error) bool) {
		wait := pace(f.rate)
		for i := range f.count {
			if err := wait(ctx); err != nil {
				yield(oslo.Message{}, err)
				return
			}
			m := first
			if i > 0 {
				m = next() // after the wait, so that it tells the time of its sending
			}
			m.Route.VHost = vhost
			select {
			case underway <- m:
			case <-ctx.Done():
			}
			if !yield(m.Message, nil) {
				return
			}
		}
	}, func(oslo.Message) error {
		confirmed++
		return report(<-underway)
	})
	if err != nil {
		return fmt.Errorf("publish: %d of %d confirmed: %w", confirmed, f.count, err)
	}
	if f.count > 1 {
		took := time.Since(begin)
		cmd.PrintErrf("%d confirmed in %.1f s, %.0f each second\n", confirmed, took.Seconds(), float64(confirmed)/took.Seconds())
	}
	return nil
}

// reporter returns what prints one confirmed message, and what ends the output. Without a rate it is many at once, and a
// write for each would cost more than the sending.
func (f flags) reporter(out io.Writer) (report func(oslo.Rendered) error, finish func(published bool) error) {
	if f.output == "json" {
		records := []record{}
		report = func(m oslo.Rendered) error { records = append(records, recordOf(m)); return nil }
		finish = func(published bool) error {
			return printJSON(out, map[string]any{"published": published, "notifications": records})
		}
		return report, finish
	}
	finish = func(bool) error { return nil }
	if f.rate == 0 {
		buffered := bufio.NewWriter(out)
		out, finish = buffered, func(bool) error {
			if err := buffered.Flush(); err != nil {
				return fmt.Errorf("print: %w", err)
			}
			return nil
		}
	}
	report = func(m oslo.Rendered) error {
		if _, err := fmt.Fprintf(out, "%s  %s -> %s\n", m.MessageID, m.EventType, target(m)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
	return report, finish
}

// address returns the AMQP URL to publish to, and its virtual host: the route's, unless --amqp names one.
func (f flags) address(vhost string, locate Locate) (string, string, error) {
	if f.amqp != "" {
		return broker.Address("--amqp", f.amqp, vhost)
	}
	if locate == nil {
		return "", "", failure.New(failure.BadInput, "give --amqp URL", "no rig to publish to")
	}
	forVHost, err := locate(f.rig)
	if err != nil {
		return "", "", fmt.Errorf("find the rig to publish to: %w", err)
	}
	return forVHost(vhost), vhost, nil
}

// connect opens a publisher; talk says when the broker takes no messages for a while.
func connect(ctx context.Context, address string, talk func(format string, values ...any)) (*oslo.Publisher, func(), error) {
	connection, err := broker.Dial(ctx, nil, address)
	if err != nil {
		host := address
		if parsed, parseErr := url.Parse(address); parseErr == nil {
			host = parsed.Redacted()
		}
		return nil, nil, failure.New(failure.Environment, "check the address, the user and that the virtual host exists", "%s: %w", host, err)
	}
	publisher, err := oslo.NewPublisher(connection)
	if err != nil {
		_ = connection.Close()
		return nil, nil, failure.New(failure.Environment, "", "%w", err)
	}
	// A broker that takes nothing more (its memory or disk is full) stops reading, and a write to it never ends by itself.
	stop := context.AfterFunc(ctx, func() { _ = connection.CloseDeadline(time.Now()) })
	told := make(chan struct{})
	blocked := connection.NotifyBlocked(make(chan amqp.Blocking, 1))
	go func() {
		defer close(told)
		tellBlocked(blocked, talk)
	}()
	return publisher, func() {
		stop()
		_ = connection.Close() // every message is confirmed, nothing can be lost by closing
		<-told
	}, nil
}

// tellBlocked says what a broker says of itself when it stops taking messages, and when it takes them again.
func tellBlocked(blocked <-chan amqp.Blocking, talk func(format string, values ...any)) {
	for b := range blocked {
		if b.Active {
			talk("the broker takes no messages for now, waiting: %s\n", b.Reason)
		} else {
			talk("the broker takes messages again\n")
		}
	}
}

// pace returns what waits before each message: the first goes at once.
func pace(rate float64) func(context.Context) error {
	if rate == 0 {
		return func(ctx context.Context) error { return ctx.Err() }
	}
	begin, sent := time.Now(), 0
	return func(ctx context.Context) error {
		due := begin.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
		sent++
		left := time.Until(due)
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func recordOf(m oslo.Rendered) record {
	return record{MessageID: m.MessageID, EventType: m.EventType, VHost: m.Route.VHost, Exchange: m.Route.Exchange, RoutingKey: m.Route.RoutingKey}
}

func target(m oslo.Rendered) string {
	return fmt.Sprintf("vhost %s, exchange %s, key %s", m.Route.VHost, m.Route.Exchange, m.Route.RoutingKey)
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
