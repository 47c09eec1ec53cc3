#!/usr/bin/env bash
# Installs what eventrig needs and this machine lacks. Says what it will do before it does it; where it may not
# (no root, no apt), it stops and says what to install by hand.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/setup.sh [--lint] [--userns] [--dry-run]

  (none)      what a rig needs: rabbitmq-server, newuidmap (for ordinary users)
  --lint      also shellcheck, for `make lint`
  --userns    allow unprivileged user namespaces (sysctl; Ubuntu 24.04 restricts them)
  --dry-run   only say what would be done
USAGE
}

lint=no userns=no dry=no
for argument in "$@"; do
  case $argument in
    --lint) lint=yes ;;
    --userns) userns=yes ;;
    --dry-run) dry=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "setup: unknown option $argument" >&2; usage >&2; exit 2 ;;
  esac
done

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 3; }

privileged=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then privileged=sudo; else privileged=none; fi
fi
run() { # a command that needs root
  if [ "$dry" = yes ]; then say "would run: $*"; return; fi
  [ "$privileged" != none ] || fail "needs root for: $*"
  say "runs: $*"
  ${privileged:+$privileged} "$@"
}

command -v go >/dev/null || fail "Go is missing: install Go 1.26 or later (https://go.dev/dl)"

missing=()
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
[ "$(id -u)" = 0 ] || command -v newuidmap >/dev/null || missing+=(uidmap)
[ "$lint" = no ] || command -v shellcheck >/dev/null || missing+=(shellcheck)

if [ ${#missing[@]} -gt 0 ]; then
  say "missing: ${missing[*]}"
  command -v apt-get >/dev/null || fail "no apt-get here: install ${missing[*]} with this system's package manager"
  # Debian starts a service when it installs one; the rig runs a RabbitMQ of its own, so a system-wide one is refused.
  policy=/usr/sbin/policy-rc.d
  made_policy=no
  if [ ! -e $policy ] && [ "$dry" = no ] && [ "$privileged" != none ]; then
    printf '#!/bin/sh\nexit 101\n' | ${privileged:+$privileged} tee $policy >/dev/null
    ${privileged:+$privileged} chmod 755 $policy
    made_policy=yes
  fi
  remove_policy() { [ "$made_policy" = no ] || ${privileged:+$privileged} rm -f "$policy"; }
  trap remove_policy EXIT
  run apt-get update -qq
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

if [ "$userns" = yes ]; then
  for setting in kernel.apparmor_restrict_unprivileged_userns=0 kernel.unprivileged_userns_clone=1; do
    name=${setting%%=*}
    if [ -e "/proc/sys/${name//.//}" ]; then run sysctl -w "$setting"; fi
  done
fi
