package broker

import (
	"context"
	"fmt"

	"github.com/eventrig/eventrig/internal/failure"
)

// Halt ends the server as a crash would, without a word to its clients; its queues and what is in them stay. Resume starts
// it again.
func (b *Broker) Halt() error {
	b.mu.Lock()
	server := b.server
	b.halted = true
	b.mu.Unlock()
	if server == nil {
		return failure.New(failure.BadInput, "leave --broker out", "stop RabbitMQ: it is not the rig's own")
	}
	if err := server.Stop(); err != nil {
		return fmt.Errorf("stop RabbitMQ: %w", err)
	}
	<-server.Done()
	return nil
}

// Resume starts a server that Halt ended and returns when it accepts connections; one that runs goes on.
func (b *Broker) Resume(ctx context.Context) error {
	b.mu.Lock()
	halted := b.halted
	b.mu.Unlock()
	if !halted {
		return nil
	}
	if err := b.run(ctx); err != nil {
		return fmt.Errorf("start RabbitMQ again: %w", err)
	}
	return b.awaitReady(ctx, b.services[0].VHost)
}

// run launches the server and watches over it.
func (b *Broker) run(ctx context.Context) error {
	server, err := b.config.launch(ctx, b.files)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server, b.halted = server, false
	go func() {
		<-server.Done()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.server == server && !b.halted {
			close(b.ended)
		}
	}()
	return nil
}

// process is closed when the process that runs at the moment ends.
func (b *Broker) process() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server.Done()
}
