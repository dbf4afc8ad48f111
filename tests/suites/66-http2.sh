#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 on both public ports: requests good and bad, attacks beside healthy subscribers, h2spec.
# Its cases are in tests/integration/http2.py, h2attack.py, h2spec.py; arguments are parts of names of cases of
# the first two.
. "$(dirname "$0")/lib.sh"

tc_script http2.py "$@"
tc_script h2attack.py "$@"
[ $# != 0 ] || tc_script h2spec.py
tc_finish
