#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's nats-server into DIR.
. "$(dirname "$0")/../lib/peer.sh"
peer_needs node
key="nats-server of $(. /etc/os-release && echo "${PRETTY_NAME-}")"
peer_unless_done "$key"
peer_deb nats-server
"$PEER_DIR/usr/sbin/nats-server" --version >/dev/null 2>&1 || peer_lacks "Debian's nats-server does not run here"
peer_done "$key"
