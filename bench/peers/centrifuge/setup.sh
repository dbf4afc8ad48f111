#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program of main.go, with modules of go.mod and go.sum, as DIR/centrifuge.
. "$(dirname "$0")/../lib/peer.sh"
why=$("$peer_here/../../../tests/go/go.sh" 2>&1) || peer_lacks "$why"
key=$(cat "$peer_here"/{go.mod,go.sum,main.go} | cksum)
peer_unless_done "$key"
# Without version control stamps, C and other toolchains: the same program everywhere.
(cd "$peer_here" && env -u GOFLAGS CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off \
    go build -mod=readonly -buildvcs=false -o "$PEER_DIR/centrifuge" .) >"$PEER_DIR/setup.log" 2>&1 ||
    peer_lacks "go build failed ($PEER_DIR/setup.log)"
peer_done "$key"
