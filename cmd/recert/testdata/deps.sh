#!/usr/bin/env bash
# Installs what the tests need beyond Go, make and git: from Debian what is not there yet, and the npm packages
# that package-lock.json names. It does nothing, quickly, when all is there, and fails when something stays missing.
set -euo pipefail
cd "$(dirname "$0")/npm"

# What is asked for, and the Debian packages that bring it.
missing_packages() {
  local path="$PATH:/usr/sbin:/sbin"
  has() { PATH="$path" command -v "$1" >/dev/null; }
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb || echo postgresql
  has runuser || echo util-linux
  has chromium || echo chromium fonts-dejavu-core
  has slapd || echo slapd
  has ldapadd || echo ldap-utils
  has samba && [ -d /usr/share/samba/setup ] && compgen -G '/usr/lib/*/samba/ldb/samldb.so' >/dev/null && compgen -G '/usr/lib/*/samba/vfs/acl_xattr.so' >/dev/null ||
    echo samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind
  has mariadbd || echo mariadb-server
  has sqlite3 || echo sqlite3
  has zstd || echo zstd
  has cc || has gcc || echo gcc libc6-dev # the race detector needs a C compiler
  has node || echo nodejs
  has npm || echo npm
}

install_packages() {
  local as_root=()
  if ! command -v apt-get >/dev/null; then
    echo "make deps: please install: $*" >&2
    exit 1
  fi
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "make deps: please run as root: apt-get install $*" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  echo "Installing $*"
  # Tests start servers of their own: the ones that the packages bring stay off.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
  fi
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "make deps: the installation failed; all of its output is in $log" >&2
    exit 1
  fi
  rm "$log"
}

mapfile -t packages < <(missing_packages | tr ' ' '\n')
if [ "${#packages[@]}" -gt 0 ]; then
  install_packages "${packages[@]}"
  still=$(missing_packages)
  if [ -n "$still" ]; then
    echo "make deps: still missing after the installation:" $still >&2
    exit 1
  fi
fi

if ! node --eval 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'; then
  echo "make deps: Node.js $(node --version) is too old: 18 or later is needed" >&2
  exit 1
fi

# The copy of the lock file is made last, so half an installation is never taken for a whole one.
stamp=node_modules/.installed-lock.json
if ! cmp --silent package-lock.json "$stamp"; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json "$stamp"
fi
