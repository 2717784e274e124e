#!/usr/bin/env bash
# A PostgreSQL server for tests: on loopback, at a free port, without fsync, with a password made for it.
#
#   pg.sh run COMMAND...   starts a server, runs the command with its URL in RECERT_TEST_POSTGRES, stops the server
#   pg.sh start            starts the shared server unless it runs already, and prints its URL
#   pg.sh stop             stops the shared server and removes its data
#
# As root the server runs as the user postgres, because it refuses to run as root.
set -euo pipefail

shared="${TMPDIR:-/tmp}/recert-test-postgres-$(id -u)"

fail() {
  echo "pg.sh: $*" >&2
  exit 1
}

# The newest installed server: Debian keeps its programs outside PATH.
bin=$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)" | grep -v '\*' | sort -V | tail -n 1)")
[ -x "$bin/initdb" ] || fail "PostgreSQL is not installed: run 'make deps'"

as_server() {
  if [ "$(id -u)" = 0 ]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

# start_in DIR: a fresh server whose data is in DIR/data and whose URL is in DIR/url.
start_in() {
  local dir=$1 password port
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  chmod 711 "$dir"
  install -d -m 700 "$dir/data"
  install -m 600 /dev/null "$dir/password"
  printf '%s' "$password" >"$dir/password"
  if [ "$(id -u)" = 0 ]; then chown postgres "$dir/data" "$dir/password"; fi
  (cd / && as_server "$bin/initdb" --pgdata="$dir/data" --username=recert --pwfile="$dir/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync) >"$dir/initdb.log" 2>&1 || {
    cat "$dir/initdb.log" >&2
    fail "initdb failed"
  }
  rm "$dir/password"
  as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<-CONF
	listen_addresses = '127.0.0.1'
	unix_socket_directories = '$dir/data'
	max_connections = 400
	fsync = off
	synchronous_commit = off
	full_page_writes = off
	timezone = 'UTC'
	log_timezone = 'UTC'
	CONF
  for _ in $(seq 20); do # another program may take the port first
    port=$((20000 + RANDOM % 12000))
    if (cd / && as_server "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/data/server.log" --options="-p $port" \
      --wait --silent start) </dev/null >/dev/null 2>&1; then
      install -m 600 /dev/null "$dir/url"
      echo "postgres://recert:$password@127.0.0.1:$port/postgres?sslmode=disable" >"$dir/url"
      return
    fi
  done
  as_server tail -n 20 "$dir/data/server.log" >&2 || true
  fail "PostgreSQL does not start"
}

running() {
  [ -s "$1/url" ] && (cd / && as_server "$bin/pg_ctl" --pgdata="$1/data" status) >/dev/null 2>&1
}

stop_in() {
  if running "$1"; then
    (cd / && as_server "$bin/pg_ctl" --pgdata="$1/data" --mode=immediate --silent stop) >/dev/null
  fi
  rm -rf "$1"
}

case "${1:-}" in
run)
  shift
  [ $# -gt 0 ] || fail "usage: pg.sh run COMMAND..."
  dir=$(mktemp -d "${TMPDIR:-/tmp}/recert-pg-XXXXXX")
  trap 'stop_in "$dir"' EXIT
  trap 'exit 130' INT TERM
  start_in "$dir"
  RECERT_TEST_POSTGRES=$(cat "$dir/url") "$@"
  ;;
start)
  exec 9>"$shared.lock"
  flock 9 # two at once start one server
  if ! running "$shared"; then
    rm -rf "$shared"
    mkdir -m 711 "$shared"
    start_in "$shared" 9>&-
  fi
  cat "$shared/url"
  ;;
stop)
  stop_in "$shared"
  ;;
*)
  fail "usage: pg.sh run COMMAND... | start | stop"
  ;;
esac
