#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Links the program that CMake has built into DIR: it needs the project's own generated code.
. "$(dirname "$0")/../lib/peer.sh"
program=${TC_BUILD:-$peer_here/../../../build/release}/bench/grpc-peer
[ -x "$program" ] || peer_lacks "$program is not built (libgrpc++-dev and protobuf-compiler-grpc, then ./run build)"
key=$(realpath "$program")
peer_unless_done "$key"
ln -s "$key" "$PEER_DIR/grpc-peer"
peer_done "$key"
