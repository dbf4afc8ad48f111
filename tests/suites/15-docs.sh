#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the documents say: examples, links, the tables of the code, and the program's own help.
# Its cases are in tests/integration/docs.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
tc_build release tickcast || { tc_fail 'build release tickcast'; tc_finish; }
exec "$TC_PYTHON" tests/integration/docs.py "$@"
