#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's nginx with its module nchan into DIR.
. "$(dirname "$0")/../lib/peer.sh"
peer_needs node
key="nginx and nchan of $(. /etc/os-release && echo "${PRETTY_NAME-}")"
peer_unless_done "$key"
peer_deb nginx libnginx-mod-nchan
cat >"$PEER_DIR/try.conf" <<END
load_module "$PEER_DIR/usr/lib/nginx/modules/ngx_nchan_module.so";
user root root;
pid "$PEER_DIR/try.pid";
events {}
http { access_log off; }
END
"$peer_here/nginx.sh" "$PEER_DIR" -t -e stderr -c "$PEER_DIR/try.conf" >"$PEER_DIR/setup.log" 2>&1 ||
    peer_lacks "Debian's nginx does not run here with nchan ($PEER_DIR/setup.log)"
peer_done "$key"
