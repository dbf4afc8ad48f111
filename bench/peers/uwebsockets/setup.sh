#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# npm's uwebsockets, in the versions of package-lock.json, into DIR.
. "$(dirname "$0")/../lib/peer.sh"
key=$(peer_npm_key)
peer_unless_done "$key"
peer_npm
# It comes with 40 binaries of 250 MB, for every system and Node.js: one is of use.
binary=$(node -p '`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`')
find "$PEER_DIR/node_modules/uwebsockets" -name 'uws_*.node' ! -name "$binary" -delete
node -e 'require(process.env.PEER_DIR + "/node_modules/uwebsockets")' 2>/dev/null ||
    peer_lacks "it has no binary for Node.js $(node --version) here"
peer_done "$key"
