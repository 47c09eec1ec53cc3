#!/usr/bin/env bash
# Builds eventrig's programs into the folder given. They are static, so that they run in any root file system.
set -euo pipefail

bin=${1:?usage: scripts/build.sh FOLDER}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$bin"
bin=$(cd "$bin" && pwd)
export CGO_ENABLED=0

kubernetes=$(cd "$root/cmd/eventrig-kube" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
major=${kubernetes#v}
major=${major%%.*}
minor=${kubernetes#v*.}
minor=${minor%%.*}
# Without these the node would show v0.0.0-master.
version="-X k8s.io/component-base/version.gitVersion=$kubernetes"
version+=" -X k8s.io/component-base/version.gitMajor=$major -X k8s.io/component-base/version.gitMinor=$minor"

build() { # FOLDER PACKAGE LDFLAGS OUTPUT
  echo "build $4" >&2
  (cd "$root/$1" && go build -ldflags "-s -w $3" -o "$bin/$4" "$2")
}
build . ./cmd/eventrig "" eventrig
build . ./cmd/eventrig-sandbox "" eventrig-sandbox
build . ./cmd/eventrig-handlers "" eventrig-handlers
build cmd/eventrig-kube ./shim "" eventrig-shim
build cmd/eventrig-kube . "$version" eventrig-kube
