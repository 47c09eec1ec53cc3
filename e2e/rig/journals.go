package rig

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// journalsFolder holds the simulators' journals, a file for each scenario: what its pods asked for and what they were answered.
const journalsFolder = "journals"

// ownJournal is the file of the rig's own simulators.
const ownJournal = "rig"

// saveJournal writes what the simulators of a space were asked so far, in the order in which it came, as JSON Lines.
func (s *space) saveJournal(path string) error {
	type line struct {
		at   time.Time
		text []byte
	}
	var lines []line
	for _, one := range s.simulators() {
		for _, entry := range one.journal.Entries() {
			encoded, err := json.Marshal(entry)
			if err != nil {
				return fmt.Errorf("encode the journal of simulated %s: %w", one.name, err)
			}
			lines = append(lines, line{entry.Time, fmt.Appendf(nil, "{%q:%q,%s\n", "simulator", one.name, encoded[1:])})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var content bytes.Buffer
	for _, l := range lines {
		content.Write(l.text)
	}
	return write(path, content.Bytes())
}

// keepJournal writes the journal of a scenario that has ended, beside those of its earlier attempts.
func (s *space) keepJournal() error {
	name := cmp.Or(s.scenario, s.name)
	path := filepath.Join(s.rig.folder, journalsFolder, name+".jsonl")
	for attempt := 2; ; attempt++ {
		if _, err := os.Stat(path); err != nil {
			return s.saveJournal(path)
		}
		path = filepath.Join(s.rig.folder, journalsFolder, fmt.Sprintf("%s.%d.jsonl", name, attempt))
	}
}
