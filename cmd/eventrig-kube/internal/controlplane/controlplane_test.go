package controlplane

import (
	"slices"
	"testing"
)

func TestComponentByFileNameOrFirstArgument(t *testing.T) {
	commands := map[string]Command{"node": func([]string) int { return 0 }}
	for _, c := range []struct {
		argv []string
		name string
		args []string
	}{
		{[]string{"/x/eventrig-kube", "node", "--a"}, "node", []string{"--a"}},
		{[]string{"/x/node", "--a"}, "node", []string{"--a"}},
		{[]string{"/x/eventrig-kube"}, "", nil},
		{nil, "", nil},
	} {
		name, args := component(c.argv, commands)
		if name != c.name || !slices.Equal(args, c.args) {
			t.Errorf("component(%q) = %q, %q; want %q, %q", c.argv, name, args, c.name, c.args)
		}
	}
}

func TestMainRunsTheNamedComponentAndRefusesOthers(t *testing.T) {
	var got []string
	extra := map[string]Command{"node": func(args []string) int { got = args; return 7 }}
	if status := Main([]string{"eventrig-kube", "node", "x"}, extra); status != 7 || !slices.Equal(got, []string{"x"}) {
		t.Errorf("node: status %d, args %q", status, got)
	}
	if status := Main([]string{"eventrig-kube", "kubelt"}, extra); status != exitUsage {
		t.Errorf("unknown component: status %d, want %d", status, exitUsage)
	}
}
