package rig

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/eventrig/eventrig/internal/failure"
)

// Status is what `eventrig up` and `eventrig status` print: everything that is needed to use a rig from outside.
type Status struct {
	Name       string            `json:"name"`
	Tier       string            `json:"tier"`       // what the rig is made of: embedded
	Kubeconfig string            `json:"kubeconfig"` // file, with all rights
	AMQP       AMQPStatus        `json:"amqp"`
	Nautobot   NautobotStatus    `json:"nautobot"`
	OpenStack  OpenStackStatus   `json:"openstack"`
	ONTAP      ONTAPStatus       `json:"ontap"`
	Undersync  UndersyncStatus   `json:"undersync"`
	Namespaces []string          `json:"namespaces"` // those that every rig makes; the manifests may name more
	Versions   map[string]string `json:"versions"`   // of everything that runs, by component
	Folder     string            `json:"folder"`     // the rig's own: logs, kubeconfig, audit log
	PID        int               `json:"pid"`        // of the process that holds the rig; the rig ends with it
}

// AMQPStatus is how to reach the rig's RabbitMQ.
type AMQPStatus struct {
	URL        string   `json:"url"` // with user and password, without vhost
	VHosts     []string `json:"vhosts"`
	Management string   `json:"management"` // HTTP API and management page, with user and password; started by the first request; empty where RabbitMQ is not the rig's own
}

// NautobotStatus is how to reach the simulated Nautobot.
type NautobotStatus struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// OpenStackStatus is how to reach the simulated OpenStack cloud.
type OpenStackStatus struct {
	AuthURL    string `json:"authURL"`
	CloudsYAML string `json:"cloudsYAML"` // file
}

// ONTAPStatus is how to reach the simulated NetApp cluster.
type ONTAPStatus struct {
	URL      string `json:"url"`
	Username string `json:"username"`
	Password string `json:"password"`
	CAFile   string `json:"caFile"` // the certificate that clients need to trust, in PEM
}

// UndersyncStatus is how to reach the simulated Undersync.
type UndersyncStatus struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

const (
	statusFile = "rig.json"
	lockFile   = "lock"
)

// hold locks the rig's folder for as long as this process lives; the kernel lets it go also after SIGKILL, so a rig whose
// lock is free is dead. The lock file holds this process's id, so that a rig can be ended before it has a status.
func hold(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", folder, err)
	}
	// The folder is this process's own; another one asks for the lock for a moment only, to see whether it is held.
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", folder, err)
	}
	if _, err := file.WriteString(strconv.Itoa(os.Getpid())); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock of %s: %w", folder, err)
	}
	return file, nil
}

// Alive says whether a process holds the rig's folder.
func Alive(folder string) bool {
	file, err := os.Open(filepath.Join(folder, lockFile))
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// holder is the id of the process that holds a rig's folder, 0 when it is not known (yet).
func holder(folder string) int {
	data, err := os.ReadFile(filepath.Join(folder, lockFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(data))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

func (s Status) write() error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode status of rig %s: %w", s.Name, err)
	}
	// Renamed into place, because `eventrig up` waits for the file and must not read half of it.
	path := filepath.Join(s.Folder, statusFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write status of rig %s: %w", s.Name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write status of rig %s: %w", s.Name, err)
	}
	return nil
}

// ReadStatus reads the status of the rig in a folder.
func ReadStatus(folder string) (Status, error) {
	data, err := os.ReadFile(filepath.Join(folder, statusFile))
	if err != nil {
		return Status{}, fmt.Errorf("read status of rig %s: %w", filepath.Base(folder), err)
	}
	var status Status
	if err := json.Unmarshal(data, &status); err != nil {
		return Status{}, fmt.Errorf("read status of rig %s: %w", filepath.Base(folder), err)
	}
	return status, nil
}

// List returns the folders of all rigs, the live ones and those that a killed process left behind.
func List() ([]string, error) {
	parent, err := StateFolder()
	if err != nil {
		return nil, err
	}
	folders, err := subfolders(parent)
	if err != nil {
		return nil, fmt.Errorf("list rigs: %w", err)
	}
	return folders, nil
}

// subfolders lists the folders in a folder; one that is not there has none.
func subfolders(parent string) ([]string, error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, filepath.Join(parent, entry.Name()))
		}
	}
	return folders, nil
}

// Find returns the rig of the given name or, with an empty name, the only one that is up.
func Find(name string) (Status, error) {
	folders, err := List()
	if err != nil {
		return Status{}, err
	}
	var up []Status
	for _, folder := range folders {
		if status, err := ReadStatus(folder); err == nil && Alive(folder) {
			up = append(up, status)
		}
	}
	var names []string
	for _, status := range up {
		names = append(names, status.Name)
	}
	slices.Sort(names)
	if name != "" {
		for _, status := range up {
			if status.Name == name {
				return status, nil
			}
		}
		return Status{}, failure.New(failure.BadInput, "rigs that are up: "+orNone(names)+whyGone(name), "no rig named %q is up", name)
	}
	switch len(up) {
	case 1:
		return up[0], nil
	case 0:
		return Status{}, failure.New(failure.BadInput, "start one with: eventrig up", "no rig is up")
	default:
		return Status{}, failure.New(failure.BadInput, "name one with --rig: "+orNone(names), "%d rigs are up", len(up))
	}
}

// FindFolder returns the folder of the rig of the given name, also of one that is starting or whose process was killed, or,
// with an empty name, that of the only one that is up.
func FindFolder(name string) (string, error) {
	folders, err := List()
	if err != nil {
		return "", err
	}
	for _, folder := range folders {
		if name != "" && filepath.Base(folder) == name {
			return folder, nil
		}
	}
	status, err := Find(name)
	if err != nil {
		return "", err
	}
	return status.Folder, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
