package lint

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Folder is a folder that manifests were read from.
type Folder struct {
	FS   fs.FS
	Name string // as the files of the graph are named below it; "" where they are named without it
}

// largest is the size from which a file is no manifest that somebody wrote.
const largest = 1 << 20

// beside are templates in files that lie below the folders and are in no kustomization: they are there for a reader, not
// for the cluster.
var beside = NewFact(func(in *Input) []pipeline.Object {
	read := map[string]bool{}
	for _, object := range in.Graph.Objects {
		read[object.File] = true
	}
	var found []pipeline.Object
	for _, folder := range in.Folders {
		_ = fs.WalkDir(folder.FS, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // what cannot be read there was not asked for
			}
			if entry.IsDir() {
				if name != "." && strings.HasPrefix(entry.Name(), ".") || isChart(folder.FS, name) {
					return fs.SkipDir
				}
				return nil
			}
			shown := path.Join(folder.Name, name)
			if read[shown] || !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
				return nil
			}
			if info, err := entry.Info(); err != nil || info.Size() > largest {
				return nil
			}
			content, err := fs.ReadFile(folder.FS, name)
			if err != nil || !strings.Contains(string(content), "WorkflowTemplate") {
				return nil
			}
			objects, err := pipeline.Parse(shown, content)
			if err != nil {
				return nil
			}
			for _, object := range objects {
				if strings.HasSuffix(object.GetKind(), "WorkflowTemplate") {
					found = append(found, object)
				}
			}
			return nil
		})
	}
	return found
})

func isChart(files fs.FS, folder string) bool {
	_, err := fs.Stat(files, path.Join(folder, "Chart.yaml"))
	return err == nil
}
