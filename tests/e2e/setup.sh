#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs npm ws, playwright-core (for the system's Chromium), grpc-js and Python websockets, grpcio into build/e2e.
# Does nothing when they are there in the wanted versions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(realpath -m "${TC_E2E_DIR:-$here/../../build/e2e}")
mkdir -p "$dir"

if ! cmp -s "$here/package.json" "$dir/.installed.json"; then
    cp "$here/package.json" "$dir/package.json"
    (cd "$dir" && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error)
    cp "$here/package.json" "$dir/.installed.json"
fi
if ! cmp -s "$here/requirements.txt" "$dir/.installed.txt"; then
    "${TC_PYTHON:-/usr/bin/python3}" -m venv --clear "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$dir/.installed.txt"
fi
# Node looks for modules beside the script.
for script in "$here"/*.mjs; do install -m 644 "$script" "$dir/"; done
