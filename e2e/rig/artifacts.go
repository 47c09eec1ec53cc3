package rig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/eventrig/eventrig/internal/failure"
)

// SaveArtifacts copies what explains a run into a folder, below the rig's name: the ledger, the API server's audit log, the
// components' logs, those of all pods that there were, what the API server holds, its Events, the simulators' journals, and
// RabbitMQ's log and state. Certificates, keys and the values of Secrets are not among them.
func (r *Rig) SaveArtifacts(folder string) error {
	target := filepath.Join(folder, filepath.Base(r.folder))
	err := SaveArtifacts(r.folder, folder)
	if r.own != nil {
		err = errors.Join(err, r.own.saveJournal(filepath.Join(target, journalsFolder, ownJournal+".jsonl")))
	}
	return errors.Join(err, r.saveClusterState(target), r.saveBrokerReport(folder))
}

// SaveArtifacts copies of them what lies in the folder of a rig, which another process may hold.
func SaveArtifacts(rig, folder string) error {
	target := filepath.Join(folder, filepath.Base(rig))
	if err := os.MkdirAll(target, 0o755); err != nil {
		return failure.New(failure.BadInput, "name a folder that can be written with --artifacts", "make artifacts folder: %w", err)
	}
	all := []error{savePodLogs(rig, filepath.Join(target, "pods"))}
	for _, name := range []string{"ledger.jsonl", "audit.jsonl", "logs", journalsFolder, filepath.Join("rabbitmq", "rabbitmq.log")} {
		all = append(all, copyTree(filepath.Join(rig, name), filepath.Join(target, name)))
	}
	return errors.Join(all...)
}

// copyTree copies regular files; a file that is not there is none of the run's.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read artifacts: %w", err)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return fmt.Errorf("name artifact %s: %w", path, err)
		}
		return copyFile(path, filepath.Join(to, relative))
	})
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make artifacts folder: %w", err)
	}
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read artifact: %w", err)
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return fmt.Errorf("copy artifact %s: %w", from, err)
	}
	if err := target.Close(); err != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	return nil
}
