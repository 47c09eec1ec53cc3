#!/usr/bin/env bash
# Runs all tests of both modules: quiet on success, the whole output of a package that fails, and the failures of specs once
# more at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# As scripts/build.sh builds: with cgo on, every package would be compiled a second time.
export CGO_ENABLED=0
# The end-to-end tests start rigs from the programs built here.
export EVENTRIG_BIN="${EVENTRIG_BIN:-$PWD/bin}"
EVENTRIG_FAILURES=$(mktemp)
export EVENTRIG_FAILURES
trap 'rm -f "$EVENTRIG_FAILURES"' EXIT
status=0
go test -timeout 60m ./... || status=1
(cd cmd/eventrig-kube && go test -timeout 20m ./...) || status=1
if [ -s "$EVENTRIG_FAILURES" ]; then
  echo "--- specs that failed:"
  cat "$EVENTRIG_FAILURES"
fi
exit $status
