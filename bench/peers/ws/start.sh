#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib/peer.sh"
exec node "$peer_here/server.mjs" "${@:2:5}"
