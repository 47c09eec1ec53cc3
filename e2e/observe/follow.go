package observe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// follow reads the log of a component's container, run after run. A stream that ends, because it broke or because the
// container did, is taken up again after the last line read, for as long as the pod is there.
func (o *Observer) follow(c *component, namespace, pod string) {
	defer o.wg.Done()
	var last *time.Time
	retry := time.NewTicker(200 * time.Millisecond)
	defer retry.Stop()
	for o.ctx.Err() == nil {
		err := o.readLog(o.ctx, c, namespace, pod, &last)
		if err != nil && o.ctx.Err() == nil {
			o.cfg.Log("log of pod %s/%s: %v", namespace, pod, err)
		}
		o.mu.Lock()
		ended := c.gone
		o.mu.Unlock()
		if ended || apierrors.IsNotFound(err) {
			return
		}
		select {
		case <-o.ctx.Done():
		case <-retry.C:
		}
	}
}

// readLog reads one stream of timestamped lines. last is the time of the last line read: SinceTime counts in whole
// seconds, so lines up to it come again.
func (o *Observer) readLog(ctx context.Context, c *component, namespace, pod string, last **time.Time) error {
	stream, err := o.cfg.OpenLog(ctx, namespace, pod, c.container, *last)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer stream.Close()
	resumed := *last
	reader := bufio.NewReaderSize(stream, 64<<10)
	for {
		text, err := reader.ReadBytes('\n')
		// An unfinished line at the end of a broken stream comes whole with the next one.
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		stamp, rest, ok := bytes.Cut(text, []byte(" "))
		if !ok {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, string(stamp))
		if err != nil || (resumed != nil && !at.After(*resumed)) {
			continue
		}
		*last = &at
		l := parseLine(bytes.TrimSpace(rest))
		if l.kind == irrelevant {
			continue
		}
		if l.time.IsZero() {
			l.time = at
		}
		o.mu.Lock()
		o.state.line(c, l)
		o.mu.Unlock()
		o.touch()
	}
}
