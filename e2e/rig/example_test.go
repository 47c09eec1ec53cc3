package rig_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
)

// A rig in a program or a Go test: a project is created in the simulated cloud, Keystone's notification of it is sent,
// and the tenant that UnderStack's pipeline makes of it is read from the simulated Nautobot.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := rig.Start(ctx, rig.Options{Bus: rig.BusJetStream})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	project, err := r.OpenStack().CreateProject("default", "engineering")
	if err != nil {
		log.Panic(err)
	}
	sent, err := r.Publish(ctx, scenario.Publish{
		Event: "keystone/identity.project.created",
		Set:   map[string]any{"payload.target.id": project},
	})
	if err != nil {
		log.Panic(err)
	}
	if err := r.WaitSettled(ctx, sent...); err != nil {
		log.Panic(err)
	}
	for _, tenant := range r.Nautobot().Records("tenancy/tenants", nil) {
		fmt.Println(tenant["name"])
	}
}
