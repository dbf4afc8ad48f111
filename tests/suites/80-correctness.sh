#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What fleets of clients saw against what the Kafka log holds.
# Its cases are in tests/integration/correctness.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
exec "$TC_PYTHON" tests/integration/correctness.py "$@"
