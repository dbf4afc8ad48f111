# SPDX-License-Identifier: Apache-2.0
# For the setup.sh and start.sh of the peers: `. "$(dirname "$0")/../lib/peer.sh"` first.
# The contract of the two is in bench/peers/README.md.
set -euo pipefail
peer_here=$(cd "$(dirname "$0")" && pwd)
peer_name=${peer_here##*/}
peer_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ $# = 0 ]; then
    echo "usage: ${0##*/} DIR ... (see bench/peers/README.md)" >&2
    exit 2
fi
mkdir -p "$1"
PEER_DIR=$(cd "$1" && pwd)
export PEER_DIR
# A set-up may begin with the removal of what is in DIR: it must be a folder of its own.
if [ -z "$(ls -A "$PEER_DIR")" ]; then touch "$PEER_DIR/.peer"; fi
if ! [ -f "$PEER_DIR/.peer" ]; then
    echo "$peer_name: $PEER_DIR is not empty, and not a folder of a peer" >&2
    exit 2
fi

peer_lacks() { # WHY: it cannot be had here
    echo "$peer_name: $*" >&2
    exit 3
}

if [ "${0##*/}" = start.sh ] && ! [ -f "$PEER_DIR/.done" ]; then
    peer_lacks "nothing is set up in $PEER_DIR: $peer_here/setup.sh does it"
fi
ulimit -Sn "$(ulimit -Hn)"

peer_needs() { # COMMAND...
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || peer_lacks "$command is not installed"
    done
}

# ---------------------------------------------------------------- set-up
# Ends the script if what is there is what KEY stands for.
peer_unless_done() { # KEY
    if [ -f "$PEER_DIR/.done" ] && [ "$(cat "$PEER_DIR/.done")" = "$1" ]; then exit 0; fi
    # A set-up that was cut short is begun again, never half used.
    find "$PEER_DIR" -mindepth 1 ! -name .peer -delete
}

peer_done() { echo "$1" >"$PEER_DIR/.done"; }

# The packages of package.json beside the script, and theirs, in the versions of package-lock.json. (That is made by
# npm install --package-lock-only --omit-lockfile-registry-resolved.)
peer_npm() {
    peer_needs node npm
    cp "$peer_here/package.json" "$peer_here/package-lock.json" "$PEER_DIR"
    (cd "$PEER_DIR" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) \
        >"$PEER_DIR/setup.log" 2>&1 </dev/null || peer_lacks "npm ci failed ($PEER_DIR/setup.log has it all)"
}

# What makes two set-ups by npm the same: the packages, and the Node.js that loads what is binary in them.
peer_npm_key() {
    peer_needs node
    cksum <"$peer_here/package-lock.json"
    node -p process.versions.modules
}

# Debian packages, unpacked and not installed: no service is started, and neither root nor sudo is needed. What
# they depend on is on every Debian that has the group build of cmake/deps.sh. Their versions are in DIR/versions.
peer_deb() { # PACKAGE...
    peer_needs apt-get dpkg-deb
    mkdir "$PEER_DIR/debs"
    (cd "$PEER_DIR/debs" && apt-get -q -o APT::Sandbox::User= download "$@") >"$PEER_DIR/setup.log" 2>&1 </dev/null ||
        peer_lacks "apt-get download $* failed (after apt-get update?)"
    local deb
    for deb in "$PEER_DIR"/debs/*.deb; do
        dpkg-deb -x "$deb" "$PEER_DIR"
        dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb"
    done >"$PEER_DIR/versions"
    rm -r "$PEER_DIR/debs"
}

# ---------------------------------------------------------------- a server with a publisher beside it
# The script stays and ends both: peer_run_folder, peer_serve, peer_await, then peer_publish_and_wait for the rest of
# its life.

# Sets peer_run, a folder for what the server at PORT writes, and peer_log, a file there.
peer_run_folder() { # PORT
    peer_run=$PEER_DIR/run-$1
    peer_log=$peer_run/log
    rm -rf "$peer_run"
    mkdir "$peer_run"
}

peer_serve() { # COMMAND...
    trap peer_stop TERM INT
    "$@" &
    peer_server=$!
}

peer_await() { # SECONDS COMMAND...: until COMMAND is true, while the server lives
    local end=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        kill -0 "$peer_server" 2>/dev/null || peer_lacks "the server ended: $(tail -n 1 "$peer_log")"
        [ $SECONDS -lt $end ] || peer_stop 5
        sleep 0.05
    done
}

peer_publish_and_wait() { # KIND TARGET PIDS RATE BURST PAYLOAD ROOMS [CPUS]
    local kind=$1 target=$2 pids=$3 pin=()
    [ -z "${8-}" ] || pin=(taskset -c "$8")
    "${pin[@]}" node "$peer_lib/publish.mjs" "$kind" "$target" "$4" "$5" "$6" "$7" &
    peer_publisher=$!
    echo "ready $pids"
    # one of the two has ended by itself: that is no way to end
    wait -n "$peer_server" "$peer_publisher" || :
    echo "$peer_name: the server or its publisher ended by itself" >&2
    peer_stop 5
}

peer_stop() { # [CODE]
    trap - TERM INT
    if [ -n "${peer_publisher-}" ]; then # first, or it complains
        kill "$peer_publisher" 2>/dev/null || :
        wait "$peer_publisher" || :
    fi
    kill "$peer_server" 2>/dev/null || :
    wait "$peer_server" || :
    [ -n "${1-}" ] || rm -rf "$peer_run"
    exit "${1:-0}"
}
