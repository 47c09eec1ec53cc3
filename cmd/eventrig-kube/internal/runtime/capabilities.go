package runtime

import (
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// allCapabilities is how a pod names every capability.
const allCapabilities = "ALL"

// usualCapabilities are what containerd gives to a container that asks for nothing (oci.defaultUnixCaps).
var usualCapabilities = []capability.Cap{
	capability.CAP_CHOWN, capability.CAP_DAC_OVERRIDE, capability.CAP_FSETID, capability.CAP_FOWNER, capability.CAP_MKNOD,
	capability.CAP_NET_RAW, capability.CAP_SETGID, capability.CAP_SETUID, capability.CAP_SETFCAP, capability.CAP_SETPCAP,
	capability.CAP_NET_BIND_SERVICE, capability.CAP_SYS_CHROOT, capability.CAP_KILL, capability.CAP_AUDIT_WRITE,
}

// machineCapabilities are about what no namespace has of its own: the kernel asks for them in the first user namespace only
// (user_namespaces(7), and the kernel's uses of capable()).
var machineCapabilities = []capability.Cap{
	capability.CAP_LINUX_IMMUTABLE, capability.CAP_IPC_LOCK, capability.CAP_SYS_MODULE, capability.CAP_SYS_RAWIO, capability.CAP_SYS_PACCT,
	capability.CAP_SYS_TIME, capability.CAP_SYS_TTY_CONFIG, capability.CAP_MKNOD, capability.CAP_LEASE, capability.CAP_AUDIT_CONTROL,
	capability.CAP_AUDIT_READ, capability.CAP_MAC_OVERRIDE, capability.CAP_MAC_ADMIN, capability.CAP_SYSLOG, capability.CAP_WAKE_ALARM,
	capability.CAP_BLOCK_SUSPEND, capability.CAP_PERFMON, capability.CAP_BPF,
}

// capabilitiesOf is what a container's root has, a bit for each, by containerd's rules: ALL comes before the single ones, and
// what is added before what is dropped. unknown are names that no capability has.
func capabilitiesOf(security *cri.LinuxContainerSecurityContext) (mask uint64, unknown []string) {
	set := func(caps ...capability.Cap) {
		for _, c := range caps {
			mask |= 1 << c
		}
	}
	if security.GetPrivileged() {
		set(capability.ListKnown()...)
		return mask, nil
	}
	set(usualCapabilities...)
	add, drop := security.GetCapabilities().GetAddCapabilities(), security.GetCapabilities().GetDropCapabilities()
	if namesAll(add) {
		set(capability.ListKnown()...)
	}
	if namesAll(drop) {
		mask = 0
	}
	for _, name := range add {
		if c, known := capabilityNamed(name); known {
			set(c)
		} else if !strings.EqualFold(name, allCapabilities) {
			unknown = append(unknown, name)
		}
	}
	for _, name := range drop {
		if c, known := capabilityNamed(name); known {
			mask &^= 1 << c
		} else if !strings.EqualFold(name, allCapabilities) {
			unknown = append(unknown, name)
		}
	}
	return mask, unknown
}

func namesAll(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, allCapabilities) })
}

// capabilityNamed finds a capability by its name in a pod, which goes without CAP_. With it a real runtime finds none either.
func capabilityNamed(name string) (capability.Cap, bool) {
	for _, c := range capability.ListKnown() {
		if strings.EqualFold(c.String(), name) {
			return c, true
		}
	}
	return 0, false
}
