package supervisor

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// totalPSS sums the proportional set size of every process inside, this one included: shared pages are counted once. A process that
// ends meanwhile counts nothing.
func totalPSS() (int64, error) {
	pids, err := listPids()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, pid := range pids {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
		if err != nil {
			continue
		}
		total += field(text, "Pss:") * 1024
	}
	if total == 0 {
		return 0, fmt.Errorf("read /proc/*/smaps_rollup: none of %d processes can be read", len(pids))
	}
	return total, nil
}

func listProcesses() ([]protocol.ProcessInfo, error) {
	pids, err := listPids()
	if err != nil {
		return nil, err
	}
	const maxCommand = 512 // all of them have to fit in one message
	var processes []protocol.ProcessInfo
	for _, pid := range pids {
		folder := filepath.Join("/proc", strconv.Itoa(pid))
		status, err := os.ReadFile(filepath.Join(folder, "status"))
		if err != nil {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		words := strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
		if len(words) > maxCommand {
			words = strings.ToValidUTF8(words[:maxCommand], "") + "..."
		}
		processes = append(processes, protocol.ProcessInfo{
			Pid: pid, Parent: int(field(status, "PPid:")), Name: value(status, "Name:"),
			State: value(status, "State:"), Command: words, RSS: field(status, "VmRSS:") * 1024,
		})
	}
	return processes, nil
}

func listPids() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	sort.Ints(pids)
	return pids, nil
}

// value returns what follows key in a line of a /proc file.
func value(text []byte, key string) string {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), key); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// field returns the number that follows key, or 0.
func field(text []byte, key string) int64 {
	words := strings.Fields(value(text, key))
	if len(words) == 0 {
		return 0
	}
	number, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return 0
	}
	return number
}
