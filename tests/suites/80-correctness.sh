#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What fleets of clients saw against what the Kafka log holds.
# Its cases are in tests/integration/correctness.py and grpc_correctness.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"

tc_script correctness.py "$@"
tc_script grpc_correctness.py "$@"
tc_finish
