#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The bench harness, against programs that are built already. `./run bench` builds them and comes here.
set -eu
# Debian's Python, which has Debian's matplotlib
python=${TC_PYTHON:-/usr/bin/python3}
[ -x "$python" ] || python=python3
if ! command -v "$python" >/dev/null; then
    echo "bench: python3 is missing: apt-get install python3" >&2
    exit 3
fi
bench=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH=$bench exec "$python" -B -m harness "$@"
