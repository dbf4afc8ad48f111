#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib/peer.sh"
exec "$PEER_DIR/centrifuge" "${@:2:5}"
