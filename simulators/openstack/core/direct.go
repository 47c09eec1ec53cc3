package core

import "context"

type directKey struct{}

// Direct marks a request that a program makes by itself, without a client: notifications tell it only where its context
// says so (Notifying, Collecting), and what it creates has the identifier given, where one is.
func Direct(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, directKey{}, direct{id})
}

type direct struct{ id string }

func isDirect(ctx context.Context) bool { _, is := ctx.Value(directKey{}).(direct); return is }

// grantID makes the first identifier that a request draws the one that it was given; the function that it returns takes
// that back. The caller changes the cloud exclusively.
func (c *Cloud) grantID(ctx context.Context) (done func()) {
	asked, _ := ctx.Value(directKey{}).(direct)
	set := func(id string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.granted = id
	}
	set(asked.id)
	return func() { set("") }
}

// take returns the identifier that was granted, once.
func (c *Cloud) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.granted
	c.granted = ""
	return id
}
