#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The peers of ./run bench (bench/peers) keep their contract, and the load generator understands them: set-up, a valid
# window with one room and with several, the end. Arguments are names of peers. A peer that cannot be had is skipped.
. "$(dirname "$0")/lib.sh"

loadgen=$TC_BUILD/bench/loadgen
server_pid=

# The server of COMMAND in the background; its first line of output is `ready WHAT`. Sets server_pid and ready.
start() { # LOG COMMAND...
    local log=$1 line='' fd
    shift
    exec {fd}< <(exec "$@" 2>"$log")
    server_pid=$!
    read -r -t 60 -u "$fd" line
    exec {fd}<&-
    ready=${line#ready }
    [ "$ready" != "$line" ] && [ -n "$ready" ]
}

# SIGTERM ends it with 0.
stop() {
    local code=0
    kill -TERM "$server_pid" 2>/dev/null
    wait "$server_pid" || code=$?
    server_pid=
    return $code
}

trap '[ -z "$server_pid" ] || kill -TERM "$server_pid" 2>/dev/null' EXIT

free_port() {
    "$TC_PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A valid window of one second, in three tries: other suites' work may stand in the way of one.
window() { # LOG PORT LOADGEN_ARG...
    local log=$1 port=$2
    shift 2
    for _ in 1 2 3; do
        "$loadgen" --connect "127.0.0.1:$port" --conns 20 --warm-ms 500 --window-ms 1000 --windows 1 --json "$@" \
            >"$log" 2>&1 && grep -q '"valid":true' "$log" && return 0
    done
    cat "$log"
    return 1
}

all_gone() { # PIDS
    local pid
    for pid in ${1//,/ }; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
}

# Sets dialect and path, and checks that peer.toml has what it must have.
read_toml() { # NAME DIR
    local fields
    fields=$(PEER_DIR=$2 "$TC_PYTHON" - "$1" <<'END'
import subprocess, sys, tomllib
name = sys.argv[1]
with open(f"bench/peers/{name}/peer.toml", "rb") as f:
    peer = tomllib.load(f)
kinds = {"name": str, "title": str, "version": str, "dialect": str, "path": str, "has_publisher": bool, "off": list,
         "note": str}
assert {k: type(v) for k, v in peer.items()} == kinds and peer["name"] == name, peer
version = subprocess.run(["sh", "-c", peer["version"]], capture_output=True, text=True, check=True).stdout.strip()
assert version and "\n" not in version, version
print(peer["dialect"], peer["path"])
END
    ) || return 1
    read -r dialect path <<<"$fields"
}

# Rooms of their own and clients that come and go, as far as the dialect has them.
rooms_of() { # DIALECT
    case $1 in
    raw | grpc) echo --rooms 4 ;;
    *) echo --rooms 4 --follow 2 --churn 50 ;;
    esac
}

peer() { # NAME
    local name=$1 here=bench/peers/$1 dir port code=0 log=$TC_WORK/$1 path_args=() dialect= path= before
    dir=$PWD/build/bench-peers/$name
    mkdir -p "$log"
    "$here/setup.sh" "$dir" 2>"$log/setup" || code=$?
    if [ $code = 3 ] && [ "$(wc -l <"$log/setup")" = 1 ]; then
        tc_skip "$name: $(cat "$log/setup")"
        return
    fi
    [ $code = 0 ] || { cat "$log/setup"; tc_fail "$name: setup.sh (exit code $code)"; return; }
    if [ -f "$dir/.done" ]; then
        before=$(stat -c %Y.%i "$dir/.done")
        tc_case "$name: set up again, nothing is done" "$here/setup.sh" "$dir"
        tc_case "$name: and nothing was" [ "$before" = "$(stat -c %Y.%i "$dir/.done")" ]
    fi
    tc_case "$name: peer.toml" read_toml "$name" "$dir"
    [ -n "$dialect" ] || return
    [ -z "$path" ] || path_args=(--path "$path")

    port=$(free_port)
    if ! start "$log/server" "$here/start.sh" "$dir" "$port" 100 10 150 1 0; then
        cat "$log/server"
        tc_fail "$name: start.sh"
        return
    fi
    tc_case "$name: a window" window "$log/window" "$port" --dialect "$dialect" "${path_args[@]}" --pid "$ready"
    code=0
    timeout 30 "$here/start.sh" "$dir" "$port" 100 10 150 1 0 >"$log/second" 2>&1 || code=$?
    tc_case "$name: the port of another" [ $code = 3 ]
    tc_case "$name: SIGTERM ends it" stop
    tc_case "$name: and all of it" all_gone "$ready"

    port=$(free_port)
    if ! start "$log/server" "$here/start.sh" "$dir" "$port" 400 20 150 4 0; then
        cat "$log/server"
        tc_fail "$name: start.sh with four rooms"
        return
    fi
    # shellcheck disable=SC2046  # words
    tc_case "$name: a window of four rooms" \
        window "$log/window" "$port" --dialect "$dialect" "${path_args[@]}" $(rooms_of "$dialect") --pid "$ready"
    tc_case "$name: SIGTERM ends it again" stop
}

splitter() {
    if start "$TC_WORK/splitter" "$TC_PYTHON" tests/integration/nats_splitter.py 50; then
        tc_case 'nats: messages cut anywhere' window "$TC_WORK/splitter-window" "$ready" --dialect nats
    else
        cat "$TC_WORK/splitter"
        tc_fail 'nats: the server that cuts'
    fi
    tc_case 'nats: the server that cuts ends' stop
}

if ! [ -x "$loadgen" ]; then
    tc_fail "$loadgen is not built"
    tc_finish
fi
if [ $# = 0 ]; then
    splitter
    set -- $(cd bench/peers && printf '%s\n' */peer.toml | sed 's|/.*||')
fi
for name in "$@"; do peer "$name"; done
tc_finish
