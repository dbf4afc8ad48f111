#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the test tools of others that are written in Go into build/go/bin: h2spec, connectconformance,
# grpc-interop-client, grpcurl. Does nothing when they are there in the wanted versions.
# Needs Go of version 1.26 or newer (the newest that one of them asks for); exit code 3 without.
# TC_GO_DIR: another place than build/go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(realpath -m "${TC_GO_DIR:-$here/../../build/go}")

"$here/go.sh" || exit 3
if cmp -s "$here/tools.txt" "$dir/bin/.complete"; then exit 0; fi
echo "Will download Go modules (about 70 MiB, checked against Go's checksum database) and build from them:" \
    $(awk '!/^#/ { print $1 }' "$here/tools.txt") >&2
# A build that was cut short is begun again, never half used.
rm -rf "$dir/new"
mkdir -p "$dir/new"
while read -r name package; do
    # Without version control stamps, C and other toolchains: the same program everywhere.
    (cd "$dir" && env -u GOFLAGS CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOBIN="$dir/new/$name.part" \
        go install -buildvcs=false "$package")
    mv "$dir/new/$name.part"/* "$dir/new/$name"
    rmdir "$dir/new/$name.part"
done < <(grep -v '^#' "$here/tools.txt")
cp "$here/tools.txt" "$dir/new/.complete"
rm -rf "$dir/bin"
mv "$dir/new" "$dir/bin"
