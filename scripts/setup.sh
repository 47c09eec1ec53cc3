#!/usr/bin/env bash
# Installs what eventrig needs and this machine lacks. Says what it will do before it does it; where it may not
# (no root, no apt), it stops and says what to install by hand.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/setup.sh [--rabbitmq 4] [--lint] [--clients] [--userns] [--dry-run]

  (none)        what a rig needs: rabbitmq-server, newuidmap (for ordinary users)
  --rabbitmq 4  RabbitMQ 4, UnderStack's major, from Debian trixie into the cache folder instead of the system's package;
                rigs prefer it (DEBIAN_MIRROR names another mirror)
  --lint        also shellcheck, for `make lint`
  --clients     also what tests of the simulators run unmodified: Debian's openstack client with the bare metal plugin, and
                Ansible with NetApp's modules (270 MB)
  --userns      allow unprivileged user namespaces (sysctl; Ubuntu 24.04 restricts them)
  --dry-run     only say what would be done
USAGE
}

refuse() { echo "setup: $*" >&2; usage >&2; exit 2; }
lint=no clients=no userns=no dry=no rabbitmq=""
while [ $# -gt 0 ]; do
  case $1 in
    --lint) lint=yes ;;
    --clients) clients=yes ;;
    --userns) userns=yes ;;
    --dry-run) dry=yes ;;
    --rabbitmq | --rabbitmq=*)
      if [ "$1" = --rabbitmq ]; then shift; fi
      rabbitmq=${1:-}
      rabbitmq=${rabbitmq#--rabbitmq=}
      [ "$rabbitmq" = 4 ] || refuse "--rabbitmq takes 4; RabbitMQ 3 is the package rabbitmq-server of Debian bookworm and Ubuntu 24.04"
      ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "unknown option $1" ;;
  esac
  if [ $# -gt 0 ]; then shift; fi
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

# What has to go again however this ends.
made_policy=no unpacking=""
clean_up() {
  [ "$made_policy" = no ] || ${privileged:+$privileged} rm -f /usr/sbin/policy-rc.d
  [ -z "$unpacking" ] || rm -rf "$unpacking"
}
trap clean_up EXIT

# internal/broker.CachedRoot looks here.
rootfs=${XDG_CACHE_HOME:-${HOME:?}/.cache}/eventrig/rabbitmq-4/rootfs
cached_rabbitmq() { # the version in a root file system, nothing where there is none
  local folder
  for folder in "$1"/usr/lib/rabbitmq/lib/rabbitmq_server-4.*/sbin; do
    if [ -e "$folder/rabbitmq-server" ] && [ -e "$1/usr/lib/rabbitmq/bin/rabbitmq-server" ]; then
      folder=${folder%/sbin}
      echo "${folder##*/rabbitmq_server-}"
    fi
  done
}
debian_mirror() { # the one that this machine uses already, else Debian's own
  local found=""
  if [ -n "${DEBIAN_MIRROR:-}" ]; then found=$DEBIAN_MIRROR; else
    found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
      sed -nE 's@^(URIs:|deb( \[[^]]*\])?) *(https?://[^ ]*/debian)/?( .*)?$@\3@p' | head -n 1 || true)
  fi
  echo "${found:-http://deb.debian.org/debian}"
}
debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg

command -v go >/dev/null || fail "Go is missing: install Go 1.26 or later (https://go.dev/dl)"

missing=()
if [ -n "$rabbitmq" ]; then
  if [ -z "$(cached_rabbitmq "$rootfs")" ]; then
    command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
    [ -e $debian_keys ] || missing+=(debian-archive-keyring)
  fi
elif [ -z "$(cached_rabbitmq "$rootfs")" ]; then
  [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
fi
[ "$(id -u)" = 0 ] || command -v newuidmap >/dev/null || missing+=(uidmap)
if [ "$clients" = yes ] && [[ $(openstack complete 2>/dev/null || true) != *cmds_baremetal* ]]; then
  missing+=(python3-openstackclient python3-ironicclient)
fi
if [ "$clients" = yes ] && { ! command -v ansible-playbook >/dev/null || [ ! -d /usr/lib/python3/dist-packages/ansible_collections/netapp/ontap ]; }; then
  missing+=(ansible)
fi
[ "$lint" = no ] || command -v shellcheck >/dev/null || missing+=(shellcheck)

if [ ${#missing[@]} -gt 0 ]; then
  say "missing: ${missing[*]}"
  command -v apt-get >/dev/null || fail "no apt-get here: install ${missing[*]} with this system's package manager"
  # Debian starts a service when it installs one; the rig runs a RabbitMQ of its own, so a system-wide one is refused.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ] && [ "$dry" = no ] && [ "$privileged" != none ]; then
    printf '#!/bin/sh\nexit 101\n' | ${privileged:+$privileged} tee $policy >/dev/null
    ${privileged:+$privileged} chmod 755 $policy
    made_policy=yes
  fi
  run apt-get update -qq
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

unpack_rabbitmq() {
  local mirror mode begin=$SECONDS version
  mirror=$(debian_mirror)
  # Packages are only unpacked, none is configured and nothing of them runs, so that this needs neither root nor subordinate ids.
  mode=chrootless
  if [ "$(id -u)" = 0 ]; then mode=root; fi
  if [ "$dry" = yes ]; then
    say "would unpack RabbitMQ 4 of Debian trixie (about 50 MB from $mirror, 150 MB on disk) into $rootfs"
    return
  fi
  say "unpacks RabbitMQ 4 of Debian trixie from $mirror into $rootfs (15 s or more)"
  mkdir -p "${rootfs%/*}"
  unpacking=$(mktemp -d "${rootfs%/*}/.unpacking.XXXXXX")
  mkdir "$unpacking/rootfs"
  # As a tar in between, because everything is to belong to who unpacks it; device files and what nobody reads stay out.
  if ! mmdebstrap --quiet --mode="$mode" --variant=extract --keyring="$debian_keys" \
    --include=rabbitmq-server,base-files,dash,coreutils trixie - "$mirror" 2>"$unpacking/log" |
    tar -x -C "$unpacking/rootfs" --no-same-owner --exclude='./dev/*' \
      --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./var/cache' 2>>"$unpacking/log"; then
    cat "$unpacking/log" >&2
    fail "RabbitMQ 4 could not be unpacked: is $mirror reachable from here? (DEBIAN_MIRROR names another mirror)"
  fi
  version=$(cached_rabbitmq "$unpacking/rootfs")
  [ -n "$version" ] || fail "Debian trixie at $mirror holds no RabbitMQ 4"
  # In one step, so that a rig never sees a half of it.
  if ! mv -T "$unpacking/rootfs" "$rootfs" 2>/dev/null; then
    [ -n "$(cached_rabbitmq "$rootfs")" ] || fail "$rootfs is in the way and holds no RabbitMQ 4: remove it"
    say "another setup was faster"
  fi
  rm -rf "$unpacking"
  unpacking=""
  say "RabbitMQ $version is in $rootfs after $((SECONDS - begin)) s; rigs now use it, and no longer once that folder is removed"
}
if [ -n "$rabbitmq" ]; then
  found=$(cached_rabbitmq "$rootfs")
  if [ -n "$found" ]; then say "RabbitMQ $found is in $rootfs already"; else unpack_rabbitmq; fi
fi

if [ "$userns" = yes ]; then
  for setting in kernel.apparmor_restrict_unprivileged_userns=0 kernel.unprivileged_userns_clone=1; do
    name=${setting%%=*}
    if [ -e "/proc/sys/${name//.//}" ]; then run sysctl -w "$setting"; fi
  done
  limit=/proc/sys/user/max_user_namespaces
  if [ -e $limit ] && [ "$(cat $limit)" = 0 ]; then run sysctl -w user.max_user_namespaces=65536; fi
fi
