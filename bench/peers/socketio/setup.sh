#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# npm's socket.io, in the versions of package-lock.json, into DIR.
. "$(dirname "$0")/../lib/peer.sh"
key=$(peer_npm_key)
peer_unless_done "$key"
peer_npm
peer_done "$key"
