package rig_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"testing"
	"time"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
)

// A rig in a program or a Go test: a project is created in the simulated cloud, Keystone's notification of it is sent, the
// Sensor's Workflow is looked at, and the tenant that it made is read from the simulated Nautobot. Then a scenario file is run.
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
	started, err := r.Workflows(ctx, sent...)
	if err != nil {
		log.Panic(err)
	}
	for _, w := range started {
		fmt.Println(w.Sensor, w.Phase)
	}
	for _, tenant := range r.Nautobot().Records("tenancy/tenants", map[string]any{"name": "default:engineering"}) {
		fmt.Println(tenant["name"])
	}

	scenarios, err := scenario.Load("../../fixtures/scenarios/keystone.yaml")
	if err != nil {
		log.Panic(err)
	}
	result := scenario.Run(ctx, r, scenarios[0], scenario.Options{Seed: 1})
	fmt.Println(result.Name, result.Verdict)
}

// exampleOutput is what Example prints. It is not its Output comment, because without programs to start a rig from there is
// nothing to run.
const exampleOutput = `openstack/keystone-event-project Succeeded
default:engineering
keystone-project-created passed
`

func TestExample(t *testing.T) {
	if os.Getenv("EVENTRIG_BIN") == "" {
		t.Skip("EVENTRIG_BIN is not set: run make test, or make build and EVENTRIG_BIN=$PWD/bin go test ./e2e/...")
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = write
	defer func() { os.Stdout = stdout }()
	said := make(chan string)
	go func() {
		text, _ := io.ReadAll(read) // a pipe ends when its other end is closed
		said <- string(text)
	}()
	Example()
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-said; got != exampleOutput {
		t.Errorf("it prints:\n%s", got)
	}
}
