#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The server with its WebSocket listener at PORT; the publisher comes by NATS's own protocol, at a port that the
# server chooses.
. "$(dirname "$0")/../lib/peer.sh"
peer_run_folder "$2"
cat >"$peer_run/nats.conf" <<END
listen: "127.0.0.1:-1"
ports_file_dir: "$peer_run"
websocket {
    listen: "127.0.0.1:$2"
    no_tls: true
    compression: false
}
END
is_listening() { ports=$(cat "$peer_run"/nats-server_*.ports) && [ -n "$ports" ]; }

peer_serve "$PEER_DIR/usr/sbin/nats-server" -c "$peer_run/nats.conf" >"$peer_log" 2>&1
peer_await 15 is_listening
port=$(sed -nE 's|.*nats://127\.0\.0\.1:([0-9]+).*|\1|p' <<<"$ports")
peer_publish_and_wait nats "$port" "$peer_server" "${@:3}"
