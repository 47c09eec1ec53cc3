package handlers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	if project := s.path(filepath.Join(folder, "project")); isFolder(project) {
		if _, err := os.Stat(filepath.Join(project, playbook)); err != nil {
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
