package node

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"golang.org/x/sys/unix"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
)

// machine tells the kubelet about the machine from system calls. The real cadvisor reads cgroups, which an ordinary user
// in a user namespace has none of.
type machine struct {
	cadvisortest.Fake
	name string
	root string // a folder on the file system that pods' volumes are on
}

// MachineInfo implements cadvisor.Interface.
func (m *machine) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return nil, fmt.Errorf("ask for the machine's memory: %w", err)
	}
	cores := runtime.NumCPU()
	return &cadvisorapi.MachineInfo{
		NumCores:         cores,
		NumPhysicalCores: cores,
		NumSockets:       1,
		MemoryCapacity:   info.Totalram * uint64(info.Unit),
		MachineID:        m.name,
		SystemUUID:       m.name,
		BootID:           readLine("/proc/sys/kernel/random/boot_id"),
		Timestamp:        time.Now(),
	}, nil
}

// VersionInfo implements cadvisor.Interface.
func (m *machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{
		KernelVersion:      readLine("/proc/sys/kernel/osrelease"),
		ContainerOsVersion: operatingSystem(),
	}, nil
}

// ImagesFsInfo implements cadvisor.Interface.
func (m *machine) ImagesFsInfo(context.Context) (cadvisorapiv2.FsInfo, error) {
	return fileSystem(m.root)
}

// RootFsInfo implements cadvisor.Interface.
func (m *machine) RootFsInfo() (cadvisorapiv2.FsInfo, error) { return fileSystem(m.root) }

// ContainerFsInfo implements cadvisor.Interface.
func (m *machine) ContainerFsInfo(context.Context) (cadvisorapiv2.FsInfo, error) {
	return fileSystem(m.root)
}

// GetDirFsInfo implements cadvisor.Interface.
func (m *machine) GetDirFsInfo(path string) (cadvisorapiv2.FsInfo, error) { return fileSystem(path) }

// ContainerInfoV2 implements cadvisor.Interface: one entry for the whole machine, without which the kubelet's summary fails.
func (m *machine) ContainerInfoV2(string, cadvisorapiv2.RequestOptions) (map[string]cadvisorapiv2.ContainerInfo, error) {
	now := time.Now()
	return map[string]cadvisorapiv2.ContainerInfo{"/": {
		Spec: cadvisorapiv2.ContainerSpec{
			CreationTime: now,
			HasCpu:       true,
			HasMemory:    true,
		},
		Stats: []*cadvisorapiv2.ContainerStats{{
			Timestamp: now,
			Cpu:       &cadvisorapi.CpuStats{},
			CpuInst:   &cadvisorapiv2.CpuInstStats{},
			Memory:    &cadvisorapi.MemoryStats{},
		}},
	}}, nil
}

func fileSystem(path string) (cadvisorapiv2.FsInfo, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return cadvisorapiv2.FsInfo{}, fmt.Errorf("ask for the space at %s: %w", path, err)
	}
	block := uint64(s.Bsize)
	inodes, free := s.Files, s.Ffree
	return cadvisorapiv2.FsInfo{
		Timestamp:  time.Now(),
		Device:     path,
		Mountpoint: path,
		Capacity:   s.Blocks * block,
		Available:  s.Bavail * block,
		Usage:      (s.Blocks - s.Bfree) * block,
		Inodes:     &inodes,
		InodesFree: &free,
	}, nil
}

// readLine returns a file's first line, or nothing: what it is asked for only informs.
func readLine(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return line
}

func operatingSystem() string {
	content, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "Linux"
	}
	for line := range strings.Lines(string(content)) {
		if name, found := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); found {
			return strings.Trim(name, `"`)
		}
	}
	return "Linux"
}
