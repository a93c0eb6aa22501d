#!/bin/sh
# Runs a command beside a PostgreSQL server of its own, and ends the server with it.
#
#   tools/with-postgres.sh COMMAND [ARGUMENT…]
#
# The server comes from Debian's package (postgresql), runs as an unprivileged user in a temporary directory and
# listens on a Unix socket there, on no network port; any number of these run side by side. The command finds it
# in WAXWING_TEST_POSTGRES_URL. Its data are thrown away, so it does not sync them.
set -eu

if [ $# -eq 0 ]; then
    echo "usage: $0 COMMAND [ARGUMENT...]" >&2
    exit 64
fi
if [ -n "${WAXWING_TEST_POSTGRES_URL:-}" ]; then
    exec "$@"
fi

# Debian keeps the server's programs out of PATH, one directory a major version; the newest wins.
bin=
for directory in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V); do
    [ -x "$directory/postgres" ] && bin=$directory
done
if [ -z "$bin" ] && command -v postgres >/dev/null 2>&1; then
    bin=$(dirname "$(command -v postgres)")
fi
if [ -z "$bin" ]; then
    echo "$0: PostgreSQL is not installed; on Debian: apt-get install postgresql" >&2
    exit 69
fi

# initdb refuses to run as root.
as=
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups --"
fi

directory=$(mktemp -d "${TMPDIR:-/tmp}/waxwing-postgres.XXXXXX")
server=
command=
stop() {
    status=$?
    trap - EXIT
    # A second signal must not interrupt the clearing up.
    trap '' INT TERM
    if [ -n "$command" ] && kill -0 "$command" 2>/dev/null; then
        kill "$command" 2>/dev/null || true
    fi
    if [ -n "$server" ]; then
        # Immediate shutdown: nothing in there is kept.
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$directory"
    exit $status
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ -n "$as" ] && chown "$user" "$directory"
cd "$directory"
if ! $as "$bin/initdb" --pgdata="$directory/data" --username=waxwing --auth=trust --encoding=UTF8 --locale=C \
    --no-sync >"$directory/initdb.log" 2>&1; then
    cat "$directory/initdb.log" >&2
    exit 69
fi
$as "$bin/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= -c max_connections=400 \
    -c fsync=off -c full_page_writes=off -c shared_buffers=64MB -c logging_collector=off \
    >"$directory/server.log" 2>&1 &
server=$!
cd "$OLDPWD"

tries=0
until "$bin/pg_isready" --quiet --host="$directory" --username=waxwing; do
    tries=$((tries + 1))
    if [ $tries -ge 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$directory/server.log" >&2
        exit 69
    fi
    sleep 0.1
done

socket=$(printf '%s' "$directory" | sed 's,/,%2F,g')
WAXWING_TEST_POSTGRES_URL="postgres://waxwing@localhost/postgres?host=$socket"
export WAXWING_TEST_POSTGRES_URL

# In the background, so that a signal to this script is handled at once; standard input stays the command's.
"$@" <&0 &
command=$!
wait "$command"
