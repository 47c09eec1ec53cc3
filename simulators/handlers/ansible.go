package handlers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ansibleRunner is `ansible-runner run FOLDER --playbook NAME [--inventory FILE] [--cmdline WORDS]`. UnderStack's storage
// playbooks are not public, so it runs none: it does what ansible-runner does before one, checks the folder if it is there,
// and says what would have been run. It asks nobody. A playbook that is not in the folder's project, where that is mounted,
// fails as in Ansible.
func ansibleRunner(_ context.Context, s Surroundings, arguments []string) int {
	if len(arguments) == 0 || (arguments[0] != "run" && arguments[0] != "start") {
		fmt.Fprintln(s.Stderr, "usage: ansible-runner [-h] {run,start,stop,is-alive,transmit,worker,process,adhoc,playbook} ...")
		return 2
	}
	p := parser{
		program: "ansible-runner run", description: "Run ansible-runner in the foreground",
		options: []option{
			{name: "--playbook", metavar: "PLAYBOOK"}, {name: "--inventory", metavar: "INVENTORY"},
			{name: "--cmdline", metavar: "CMDLINE", free: true}, {name: "--ident", metavar: "IDENT"},
		},
		positionals: []positional{{name: "private_data_dir", shown: "private_data_dir", check: anything}},
	}
	values, code, done := s.arguments(p, arguments[1:])
	if done {
		return code
	}
	playbook, folder := values["--playbook"], values["private_data_dir"]
	if playbook == "" {
		fmt.Fprintln(s.Stderr, "The -p or -m or -r option must be specified when launching ansible-runner")
		return 1
	}
	fmt.Fprintf(s.Stdout, "ansible-playbook %s -i %s %s\n", playbook, values["--inventory"], values["--cmdline"])
	return s.play(playbook, s.path(filepath.Join(folder, "project")))
}

// ansiblePlaybook is `ansible-playbook PLAYBOOK... [-i FILE] [-e VARIABLES] [-v]`. Like ansible-runner it runs nothing, and says
// what would have been run.
func ansiblePlaybook(_ context.Context, s Surroundings, arguments []string) int {
	var playbooks []string
	for i := 0; i < len(arguments); i++ {
		switch word := arguments[i]; {
		case slices.Contains([]string{"-i", "--inventory", "--inventory-file", "-e", "--extra-vars", "-l", "--limit", "-t", "--tags", "--skip-tags", "-f", "--forks",
			"-u", "--user", "-c", "--connection", "-T", "--timeout", "--private-key", "--vault-password-file", "--vault-id", "-M", "--module-path", "--start-at-task"}, word):
			if i++; i == len(arguments) {
				fmt.Fprintf(s.Stderr, "ansible-playbook: error: argument %s: expected one argument\n", word)
				return 2
			}
		case !strings.HasPrefix(word, "-"):
			playbooks = append(playbooks, word)
		}
	}
	if len(playbooks) == 0 {
		fmt.Fprintln(s.Stderr, "ansible-playbook: error: the following arguments are required: playbook")
		return 2
	}
	fmt.Fprintf(s.Stdout, "ansible-playbook %s\n", strings.Join(arguments, " "))
	for _, playbook := range playbooks {
		if code := s.play(playbook, s.path("/runner/project")); code != 0 {
			return code
		}
	}
	return 0
}

// play ends a run: with an error where the folder of playbooks is there and has no such one, or where no inventory can be had.
func (s Surroundings) play(playbook, folder string) int {
	if isFolder(folder) {
		if _, err := os.Stat(filepath.Join(folder, playbook)); err != nil {
			fmt.Fprintf(s.Stderr, "ERROR! the playbook: %s could not be found\n", playbook)
			return 1
		}
	}
	if s.Getenv("NAUTOBOT_TOKEN") == "" {
		fmt.Fprintln(s.Stderr, "ERROR! NAUTOBOT_TOKEN is not set: the inventory cannot be read from Nautobot")
		return 1
	}
	fmt.Fprintf(s.Stdout, "\nPLAY RECAP *********************************************************************\n%-26s : ok=0    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0\n", "localhost")
	return 0
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
