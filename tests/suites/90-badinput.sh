#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad configurations, requests, frames, commands and records.
# Its cases are in tests/integration/badinput.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
exec "$TC_PYTHON" tests/integration/badinput.py "$@"
