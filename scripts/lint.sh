#!/usr/bin/env bash
# Checks the tree without running it: gofmt, go mod tidy, go vet and staticcheck over both modules, shellcheck over the scripts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# As scripts/build.sh builds: with cgo on, every package would be compiled a second time.
export CGO_ENABLED=0
unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
  echo "gofmt would change:" >&2
  echo "$unformatted" >&2
  exit 1
fi
for folder in . cmd/eventrig-kube; do
  if ! (cd "$folder" && go mod tidy -diff); then
    echo "$folder/go.mod or go.sum is not what the imports need: run go mod tidy there" >&2
    exit 1
  fi
done
go vet ./...
(cd cmd/eventrig-kube && go vet ./...)
# Built once here, because the other module does not require it.
staticcheck=$(mktemp -d)
trap 'rm -rf "$staticcheck"' EXIT
go build -o "$staticcheck/staticcheck" honnef.co/go/tools/cmd/staticcheck
"$staticcheck/staticcheck" ./...
(cd cmd/eventrig-kube && "$staticcheck/staticcheck" ./...)
if grep -qE '^replace|=>' go.mod; then
  echo "go.mod has a replace: a module that imports e2e/rig could not be built" >&2
  exit 1
fi
if command -v shellcheck >/dev/null; then
  git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
elif [ "${CI:-}" = true ]; then
  echo "shellcheck is missing: run scripts/setup.sh --lint" >&2
  exit 1
else
  echo "skipped: shellcheck (not installed: scripts/setup.sh --lint)" >&2
fi
