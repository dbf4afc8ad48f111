#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whether there is a Go that can build the tools of tools.txt; if not, says why and ends with 1.
GO_MINOR=26
if ! command -v go >/dev/null; then
    echo "Go is not installed; 1.$GO_MINOR or newer is needed (Debian's may be older)" >&2
    exit 1
fi
# Not `go version`: in a folder with a go.mod that may be another toolchain.
version=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
minor=$(sed -nE 's/^go1\.([0-9]+).*/\1/p' <<<"$version")
if [ "${minor:-0}" -lt $GO_MINOR ]; then
    echo "Go is ${version#go}; 1.$GO_MINOR or newer is needed" >&2
    exit 1
fi
