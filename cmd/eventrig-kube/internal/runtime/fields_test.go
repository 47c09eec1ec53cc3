package runtime

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/capability"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func secured(security *cri.LinuxContainerSecurityContext) func(*cri.ContainerConfig) {
	return func(c *cri.ContainerConfig) { c.Linux = &cri.LinuxContainerConfig{SecurityContext: security} }
}

func bits(caps ...capability.Cap) (mask uint64) {
	for _, c := range caps {
		mask |= 1 << c
	}
	return mask
}

func TestCapabilitiesOf(t *testing.T) {
	usual := bits(usualCapabilities...)
	for name, c := range map[string]struct {
		add, drop, unknown []string
		privileged         bool
		want               uint64
	}{
		"nothing asked":          {want: usual},
		"one more":               {add: []string{"net_admin"}, want: usual | bits(capability.CAP_NET_ADMIN)},
		"one less":               {drop: []string{"CHOWN"}, want: usual &^ bits(capability.CAP_CHOWN)},
		"none":                   {drop: []string{"ALL"}},
		"only one":               {add: []string{"KILL"}, drop: []string{"all"}, want: bits(capability.CAP_KILL)},
		"all but one":            {add: []string{"ALL"}, drop: []string{"SYS_TIME"}, want: bits(capability.ListKnown()...) &^ bits(capability.CAP_SYS_TIME)},
		"added and dropped":      {add: []string{"KILL"}, drop: []string{"KILL"}, want: usual &^ bits(capability.CAP_KILL)},
		"with the kernel's name": {add: []string{"CAP_NET_ADMIN"}, drop: []string{"NOTHING"}, unknown: []string{"CAP_NET_ADMIN", "NOTHING"}, want: usual},
		"privileged":             {privileged: true, drop: []string{"ALL"}, want: bits(capability.ListKnown()...)},
	} {
		got, unknown := capabilitiesOf(&cri.LinuxContainerSecurityContext{Privileged: c.privileged, Capabilities: &cri.Capability{AddCapabilities: c.add, DropCapabilities: c.drop}})
		if got != c.want || !slices.Equal(unknown, c.unknown) {
			t.Errorf("%s: got %x, unknown %v; want %x, unknown %v", name, got, unknown, c.want, c.unknown)
		}
	}
}

// had is a line of /proc/self/status with those of caps that this process could give.
func had(line string, caps ...capability.Cap) string {
	var mask uint64
	for _, c := range caps {
		if has, err := capability.GetBound(c); err == nil && has {
			mask |= 1 << c
		}
	}
	return fmt.Sprintf("%s:\t%016x", line, mask)
}

func TestContainersHaveTheCapabilitiesThatTheyAskFor(t *testing.T) {
	const show = `grep ^Cap /proc/self/status`
	r := start(t)
	r.wait(r.run(show))
	want(t, r.log(), had("CapEff", usualCapabilities...), had("CapBnd", usualCapabilities...), had("CapInh"), had("CapAmb"))

	id := r.run(show+`; echo up; exec sleep 1000`, secured(&cri.LinuxContainerSecurityContext{Capabilities: &cri.Capability{AddCapabilities: []string{"KILL"}, DropCapabilities: []string{"ALL"}}}))
	r.logged("up")
	only := had("CapEff", capability.CAP_KILL)
	want(t, r.log(), only, had("CapBnd", capability.CAP_KILL))
	got, err := r.exec(id, "sh", "-c", show)
	if err != nil {
		t.Fatal(err)
	}
	want(t, string(got.Stdout), only, had("CapBnd", capability.CAP_KILL))

	// A user other than root has none, also where root stands in for it.
	user := secured(&cri.LinuxContainerSecurityContext{RunAsUser: &cri.Int64Value{Value: 1000}, Capabilities: &cri.Capability{AddCapabilities: []string{"NET_ADMIN"}}})
	id = r.run(show+`; echo user; exec sleep 1000`, user)
	r.logged("F user\n")
	want(t, r.log(), had("CapEff"), had("CapPrm"))
	if got, err = r.exec(id, "sh", "-c", show); err != nil {
		t.Fatal(err)
	}
	want(t, string(got.Stdout), had("CapEff"), had("CapPrm"))
}

func TestWhatTellsOfTheMachineIsHidden(t *testing.T) {
	r := start(t)
	security := &cri.LinuxContainerSecurityContext{MaskedPaths: []string{"/proc/kcore", "/proc/version", "/proc/bus", "/not/there"}, ReadonlyPaths: []string{"/proc/sys", "/not/there/either"}}
	script := `cat /proc/version; ls /proc/bus; cat /proc/sys/kernel/ostype; hostname; echo other >/proc/sys/kernel/hostname && echo changed || echo kept`
	if s := r.wait(r.run(script, secured(security))); s.ExitCode != 0 {
		t.Errorf("status: %v", s)
	}
	log := r.log()
	want(t, log, "F Linux\n", "F kept\n")
	if strings.Contains(log, "Linux version") || strings.Contains(log, "pci") {
		t.Errorf("hidden paths are seen:\n%s", log)
	}
	security.Privileged = true
	r.wait(r.run(script, secured(security)))
	want(t, r.log(), "Linux version", "F changed\n")
}

func TestFieldsWithoutEffectAreToldOnce(t *testing.T) {
	r := start(t)
	local := func(name string) *cri.SecurityProfile {
		return &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: name}
	}
	asking := func(c *cri.ContainerConfig) {
		c.Linux = &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{CpuQuota: 50000, MemoryLimitInBytes: 1 << 20},
			SecurityContext: &cri.LinuxContainerSecurityContext{Seccomp: local("/var/lib/kubelet/seccomp/profiles/strict.json"), Apparmor: local("strict"),
				SelinuxOptions: &cri.SELinuxOption{Level: "s0:c1"}, Capabilities: &cri.Capability{AddCapabilities: []string{"CAP_KILL"}}},
		}
		c.Mounts = []*cri.Mount{{ContainerPath: "/later", HostPath: r.dir, Propagation: cri.MountPropagation_PROPAGATION_BIDIRECTIONAL}}
	}
	r.wait(r.run("true", asking))
	r.wait(r.run("true", asking))
	wanted := []string{"seccompProfile: the profile profiles/strict.json is not loaded", "appArmorProfile: the profile strict is not in force", "seLinuxOptions have no effect",
		"there is no capability CAP_KILL; names go without CAP_", "resources.limits (cpu, memory) are not enforced", "mountPropagation: mounts that are made later do not pass into or out of /later"}
	want(t, strings.Join(r.events, "\n"), wanted...)
	if len(r.events) != len(wanted) {
		t.Errorf("two containers of one pod gave %d Events, want %d:\n%s", len(r.events), len(wanted), strings.Join(r.events, "\n"))
	}

	r.pod()
	r.events = nil
	r.wait(r.run("true", secured(&cri.LinuxContainerSecurityContext{Privileged: true})))
	want(t, strings.Join(r.events, "\n"), "privileged gives every capability and a writable /sys, but not the machine's devices")
}

func TestTheDefaultsOfACarefulPodAreNoDifference(t *testing.T) {
	r := start(t)
	usual := &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}
	r.wait(r.run("true", secured(&cri.LinuxContainerSecurityContext{Seccomp: usual, Apparmor: usual, NoNewPrivs: true, ReadonlyRootfs: true,
		Capabilities: &cri.Capability{DropCapabilities: []string{"ALL"}}})))
	if len(r.events) > 0 {
		t.Errorf("Events: %v", r.events)
	}
}
