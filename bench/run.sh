#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The benchmarks, against programs that are built already. `./run bench` builds them and comes here.
set -eu
cd "$(dirname "$0")/.."
if ! command -v python3 >/dev/null; then
    echo "bench: python3 is missing: apt-get install python3" >&2
    exit 3
fi
exec python3 bench/bench.py "$@"
