#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what requirements.txt beside it lists into DIR/venv. Does nothing when it is there in the wanted
# versions.
#
#   setup.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(realpath -m "$1")
mkdir -p "$dir"
if ! cmp -s "$here/requirements.txt" "$dir/.installed.txt"; then
    "${TC_PYTHON:-/usr/bin/python3}" -m venv --clear "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$dir/.installed.txt"
fi
