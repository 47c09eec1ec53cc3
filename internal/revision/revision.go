// Package revision reads files as they were at a revision of a git repository.
//
// In: a place in a working tree, and a revision as git takes it (a branch, a tag, a commit, HEAD~2). Out: the whole tree of
// that revision in a folder of its own, because kustomizations and charts refer to what lies beside them. The repository is
// only read; git itself need not be installed.
package revision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/eventrig/eventrig/internal/failure"
)

// maxFile bounds what is written out of a tree, in bytes: manifests and charts are small, and a repository may hold images
// and archives. A larger file is left out.
const maxFile = 16 << 20

// Tree is the files of a revision.
type Tree struct {
	Revision string // as it was given
	Commit   string // the commit that it is
	Folder   string // where its files lie, until Close
	within   string // what is below the repository's root
}

// Open writes the tree of a revision of the repository that the folder at belongs to into a temporary folder. Errors are
// bad input: no repository, no such revision, a revision that this clone does not have.
func Open(ctx context.Context, at, revision string) (*Tree, error) {
	repository, root, err := find(at)
	if err != nil {
		return nil, err
	}
	hash, err := repository.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return nil, unknown(root, revision, err)
	}
	commit, err := repository.CommitObject(*hash)
	if err != nil {
		return nil, unknown(root, revision, err)
	}
	files, err := commit.Tree()
	if err != nil {
		return nil, unknown(root, revision, err)
	}
	folder, err := os.MkdirTemp("", "eventrig-revision-")
	if err != nil {
		return nil, failure.New(failure.Environment, "set TMPDIR to a folder that can be written", "make a folder for revision %s: %w", revision, err)
	}
	if resolved, err := filepath.EvalSymlinks(folder); err == nil {
		folder = resolved // kustomize names files so
	}
	tree := &Tree{Revision: revision, Commit: hash.String(), Folder: folder, within: root}
	if err := tree.write(ctx, files); err != nil {
		return nil, errors.Join(fmt.Errorf("read revision %s: %w", revision, err), tree.Close())
	}
	return tree, nil
}

// Close removes the folder.
func (t *Tree) Close() error {
	if err := os.RemoveAll(t.Folder); err != nil {
		return fmt.Errorf("remove the files of revision %s: %w", t.Revision, err)
	}
	return nil
}

// Path is where a file or folder lies in the tree: one of the repository as git names it, from its root with slashes, or,
// with a first ./ or ../, from the current folder.
func (t *Tree) Path(name string) (string, error) {
	if name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		return t.Beside(name)
	}
	return t.existing(path.Clean("/"+filepath.ToSlash(name)), name)
}

// Beside is where a file or folder of the working tree, named from the current folder, lies in the tree.
func (t *Tree) Beside(name string) (string, error) {
	whole, err := real(name)
	if err != nil {
		return "", failure.New(failure.BadInput, "", "find %s: %w", name, err)
	}
	inner, err := filepath.Rel(t.within, whole)
	if err != nil || inner == ".." || strings.HasPrefix(inner, ".."+string(filepath.Separator)) {
		return "", failure.New(failure.BadInput, "give a path within it", "%s is not in the repository %s", name, t.within)
	}
	return t.existing("/"+filepath.ToSlash(inner), name)
}

func (t *Tree) existing(inner, name string) (string, error) {
	found, err := securejoin.SecureJoin(t.Folder, inner)
	if err == nil {
		_, err = os.Stat(found)
	}
	if err != nil {
		return "", failure.New(failure.BadInput, fmt.Sprintf("see: git ls-tree -r --name-only %s", t.Revision), "there is no %s at revision %s", strings.Trim(inner, "/"), t.Revision)
	}
	return found, nil
}

// Name is what a file of the tree is called for people: REVISION:PATH. Other names stay as they are.
func (t *Tree) Name(file string) string {
	if inner, ours := strings.CutPrefix(file, t.Folder+string(filepath.Separator)); ours {
		return t.Revision + ":" + filepath.ToSlash(inner)
	}
	return file
}

// Reword puts such names into a text in place of the files of the tree.
func (t *Tree) Reword(text string) string {
	text = strings.ReplaceAll(text, t.Folder+string(filepath.Separator), t.Revision+":")
	return strings.ReplaceAll(text, t.Folder, t.Revision+":")
}

func find(at string) (repository *git.Repository, root string, err error) {
	repository, err = git.PlainOpenWithOptions(at, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, "", failure.New(failure.BadInput, "run it within the repository", "open the git repository of %s: %w", at, err)
	}
	worktree, err := repository.Worktree()
	if err != nil {
		return nil, "", failure.New(failure.BadInput, "run it within a working tree", "open the working tree of %s: %w", at, err)
	}
	if root, err = real(worktree.Filesystem.Root()); err != nil {
		return nil, "", fmt.Errorf("open the working tree of %s: %w", at, err)
	}
	return repository, root, nil
}

func unknown(root, revision string, err error) error {
	if errors.Is(err, io.EOF) { // how go-git says it
		err = errors.New("the history does not go back so far")
	}
	return failure.New(failure.BadInput, "see `git branch -a`, `git tag`; a clone with --depth does not have every commit: git fetch --unshallow",
		"there is no revision %q in the repository %s: %w", revision, root, err)
}

// real is a path without symbolic links as far as it exists, which working trees are compared by.
func real(name string) (string, error) {
	whole, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	rest := ""
	for at := whole; ; at = filepath.Dir(at) {
		if resolved, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(resolved, rest), nil
		}
		if at == filepath.Dir(at) {
			return whole, nil
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// write puts the files of a tree into the folder. Submodules are left out.
func (t *Tree) write(ctx context.Context, files *object.Tree) error {
	return files.Files().ForEach(func(file *object.File) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if file.Size > maxFile {
			return nil
		}
		target, err := securejoin.SecureJoin(t.Folder, file.Name)
		if err != nil {
			return fmt.Errorf("write %s: %w", file.Name, err)
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return fmt.Errorf("write %s: %w", file.Name, err)
		}
		if file.Mode == filemode.Symlink {
			return t.link(file, target)
		}
		return copyOf(file, target)
	})
}

// link makes a symbolic link, unless it leads out of the tree: what lies there is not the revision's.
func (t *Tree) link(file *object.File, target string) error {
	to, err := file.Contents()
	if err != nil {
		return fmt.Errorf("read the link %s: %w", file.Name, err)
	}
	inner := path.Join(path.Dir(file.Name), to)
	if path.IsAbs(to) || inner == ".." || strings.HasPrefix(inner, "../") {
		return nil
	}
	if err := os.Symlink(filepath.FromSlash(to), target); err != nil {
		return fmt.Errorf("write the link %s: %w", file.Name, err)
	}
	return nil
}

func copyOf(file *object.File, target string) (err error) {
	content, err := file.Reader()
	if err != nil {
		return fmt.Errorf("read %s: %w", file.Name, err)
	}
	defer func() { _ = content.Close() }() // it was only read
	written, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", file.Name, err)
	}
	defer func() { err = errors.Join(err, written.Close()) }()
	if _, err := io.Copy(written, content); err != nil {
		return fmt.Errorf("write %s: %w", file.Name, err)
	}
	return nil
}
