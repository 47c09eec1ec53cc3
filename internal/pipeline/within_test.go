package pipeline

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestALibraryThatPanicsOrHangsIsAnError(t *testing.T) {
	if _, err := within(t.Context(), time.Minute, func() (int, error) { panic("odd input") }); err == nil || !strings.Contains(err.Error(), "odd input") {
		t.Errorf("error %v", err)
	}
	block := make(chan struct{})
	defer close(block)
	if _, err := within(t.Context(), time.Millisecond, func() (int, error) { <-block; return 0, nil }); err == nil || !strings.Contains(err.Error(), "it takes longer than 1ms") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := within(ctx, time.Minute, func() (int, error) { <-block; return 0, nil }); err == nil {
		t.Error("no error when the context has ended")
	}
}
