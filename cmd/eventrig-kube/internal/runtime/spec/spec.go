// Package spec is the contract between the container runtime (in the node process) and eventrig-shim, the small program
// that becomes a container: what the shim reads as JSON on file descriptor 3 and what it answers on file descriptor 4.
// It imports nothing, so that the shim stays small.
package spec

// File descriptors that the runtime hands to the shim besides stdin, stdout and stderr.
const (
	SpecFD    = 3 // read: the JSON of a Container or an Exec
	ReportFD  = 4 // write: JSON Reports; closed by a successful execve
	ControlFD = 5 // read: end of file when the node process is gone
	ConsoleFD = 6 // a socket that the master of a terminal is sent on; only for a Process with TTY
)

// Modes of the shim, its first argument.
const (
	ModeInit  = "init"  // become a container: first process of new namespaces
	ModeExec  = "exec"  // run a command in the namespaces of a container
	ModePause = "pause" // be the first process of a pid namespace that containers share; reads a Pause
)

// Bind is a file or folder of the host that appears in the container.
type Bind struct {
	Source    string `json:"source"`
	Target    string `json:"target"`
	ReadOnly  bool   `json:"readOnly,omitempty"`
	Recursive bool   `json:"recursive,omitempty"` // ReadOnly holds for the mounts below as well
	Image     bool   `json:"image,omitempty"`     // part of the image and not a volume: the tree around it may be made writable for it
}

// User is who the command runs as. Name ("name", "uid", "name:group") is looked up in the container's /etc/passwd and is
// used where UID is nil.
type User struct {
	UID    *int64  `json:"uid,omitempty"`
	GID    *int64  `json:"gid,omitempty"`
	Name   string  `json:"name,omitempty"`
	Groups []int64 `json:"groups,omitempty"`
	Strict bool    `json:"strict,omitempty"` // only Groups: the memberships in the image's /etc/group do not count
}

// Process is the command and its surroundings.
type Process struct {
	Args       []string `json:"args"`
	Env        []string `json:"env"`
	Workdir    string   `json:"workdir"`
	User       User     `json:"user"`
	TTY        bool     `json:"tty,omitempty"`
	NoNewPrivs bool     `json:"noNewPrivs,omitempty"`
	SingleUID  bool     `json:"singleUID,omitempty"` // a uid that cannot be had is a warning and not an error

	Capabilities uint64 `json:"capabilities"` // bit n is the kernel's capability n: what root has, and what no other user can come to beyond
}

// Container is what ModeInit reads.
type Container struct {
	Scratch      string            `json:"scratch"`          // an empty folder to mount on
	Rootfs       string            `json:"rootfs,omitempty"` // root file system, never written to; empty: a skeleton around the host's /usr
	Hostname     string            `json:"hostname,omitempty"`
	Netns        string            `json:"netns,omitempty"`        // empty: the node's
	IPCNamespace string            `json:"ipcNamespace,omitempty"` // of another container of the pod; empty: as it was started
	Sysctls      map[string]string `json:"sysctls,omitempty"`
	Binds        []Bind            `json:"binds,omitempty"` // in this order, after pivot_root
	ReadonlyRoot bool              `json:"readonlyRoot,omitempty"`
	Masked       []string          `json:"masked,omitempty"`   // paths whose content is not to be seen, as far as they are there
	Readonly     []string          `json:"readonly,omitempty"` // paths that are not to be written to, as far as they are there
	WritableSys  bool              `json:"writableSys,omitempty"`
	Process      Process           `json:"process"`
}

// Exec is what ModeExec reads.
type Exec struct {
	Pid     int     `json:"pid"` // the container's first process, in the shim's pid namespace
	Process Process `json:"process"`
}

// Pause is what ModePause reads.
type Pause struct{}

// Report is what the shim answers; nothing but the end of file means that the command was started.
type Report struct {
	Warning string `json:"warning,omitempty"`
	Error   string `json:"error,omitempty"`
}
