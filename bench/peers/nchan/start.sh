#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx with one worker; subscribers come to PORT, the publisher to a socket of the file system.
. "$(dirname "$0")/../lib/peer.sh"
peer_run_folder "$2"
files=$(ulimit -n) # nginx takes memory for as many connections
if [ "$files" = unlimited ] || [ "$files" -gt 200000 ]; then files=200000; fi
module=$PEER_DIR/usr/lib/nginx/modules/ngx_nchan_module.so
sed "s|@MODULE@|$module|; s|@RUN@|$peer_run|g; s|@PORT@|$2|; s|@FILES@|$files|" "$peer_here/nginx.conf.in" \
    >"$peer_run/nginx.conf"
# The master makes the sockets, and then its worker.
is_listening() {
    [ -S "$peer_run/publish" ] || return 1
    worker=$(tr -d ' ' <"/proc/$peer_server/task/$peer_server/children") && [ -n "$worker" ]
}

peer_serve "$peer_here/nginx.sh" "$PEER_DIR" -e "$peer_log" -c "$peer_run/nginx.conf" -p "$peer_run"
peer_await 15 is_listening
peer_publish_and_wait nchan "$peer_run/publish" "$peer_server,$worker" "${@:3}"
