package runtime

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Reasons of the Events that tell of a difference.
const (
	reasonDiffers     = "ContainerDiffers" // found out when the container was started
	reasonNotHonoured = "FieldNotHonoured" // a field of the pod has no effect here, or not all of it
	reasonHostPort    = "HostPortRefused"  // the node's port is not the pod's
)

// warnOfFields tells what a container's fields ask for and do not get. A field that many of a pod's containers have is told
// once, so the text does not name the container. The defaults of a careful pod (seccompProfile and appArmorProfile
// RuntimeDefault) are not told of: they only take from a program what it does not need.
func (r *Runtime) warnOfFields(c *container) {
	linux := c.config.GetLinux()
	security := linux.GetSecurityContext()
	tell := func(format string, arguments ...any) {
		r.warn(c.sandbox, reasonNotHonoured, fmt.Sprintf(format, arguments...))
	}
	if p := security.GetSeccomp(); p.GetProfileType() == cri.SecurityProfile_Localhost {
		tell("securityContext.seccompProfile: the profile %s is not loaded, every system call is allowed: an embedded node has no seccomp filters", profileName(p))
	}
	if p := security.GetApparmor(); p.GetProfileType() == cri.SecurityProfile_Localhost {
		tell("securityContext.appArmorProfile: the profile %s is not in force: an embedded node confines nothing by AppArmor", profileName(p))
	}
	if security.GetSelinuxOptions() != nil {
		tell("securityContext.seLinuxOptions have no effect: an embedded node labels no process")
	}
	if security.GetPrivileged() {
		text := "securityContext.privileged gives every capability and a writable /sys, but not the machine's devices"
		if r.config.Unprivileged {
			text += ", and all of it inside the rig's user namespace only"
		}
		tell("%s", text)
	}
	r.warnOfCapabilities(security, tell)
	if limits := limitsOf(linux.GetResources()); len(limits) > 0 {
		tell("resources.limits (%s) are not enforced: an embedded node has no cgroups", strings.Join(limits, ", "))
	}
	for _, m := range c.config.Mounts {
		if m.Propagation != cri.MountPropagation_PROPAGATION_PRIVATE {
			tell("volumeMounts.mountPropagation: mounts that are made later do not pass into or out of %s", m.ContainerPath)
		}
	}
}

func (r *Runtime) warnOfCapabilities(security *cri.LinuxContainerSecurityContext, tell func(format string, arguments ...any)) {
	if security.GetPrivileged() {
		return
	}
	if _, unknown := capabilitiesOf(security); len(unknown) > 0 {
		tell("securityContext.capabilities: there is no capability %s; names go without CAP_", strings.Join(unknown, ", "))
	}
	var powerless, refused []string
	added := security.GetCapabilities().GetAddCapabilities()
	for _, name := range added {
		c, known := capabilityNamed(name)
		if !known {
			continue
		}
		if has, err := capability.GetBound(c); err == nil && !has {
			refused = append(refused, name)
		} else if r.config.Unprivileged && slices.Contains(machineCapabilities, c) {
			powerless = append(powerless, name)
		}
	}
	if r.config.Unprivileged && namesAll(added) {
		powerless = []string{allCapabilities}
	}
	if len(refused) > 0 {
		tell("securityContext.capabilities: %s cannot be given: eventrig itself was started without", strings.Join(refused, ", "))
	}
	if len(powerless) > 0 {
		tell("securityContext.capabilities: %s holds inside the rig's user namespace only and changes nothing of the machine; as root eventrig can give it", strings.Join(powerless, ", "))
	}
}

// profileName is the name of a profile as the pod has it: of seccomp the kubelet says where the file would lie.
func profileName(p *cri.SecurityProfile) string {
	if _, name, found := strings.Cut(p.GetLocalhostRef(), "/seccomp/"); found {
		return name
	}
	return p.GetLocalhostRef()
}

// limitsOf names the limits that a container has.
func limitsOf(resources *cri.LinuxContainerResources) []string {
	var names []string
	if resources.GetCpuQuota() > 0 {
		names = append(names, "cpu")
	}
	if resources.GetMemoryLimitInBytes() > 0 {
		names = append(names, "memory")
	}
	for _, pages := range resources.GetHugepageLimits() {
		if pages.GetLimit() > 0 {
			names = append(names, "hugepages-"+pages.GetPageSize())
		}
	}
	return names
}
