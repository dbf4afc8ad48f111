#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gRPC and gRPC-Web as others see them: connectconformance, the interoperability cases with three clients, our own
# command line, and what docs/grpc.md says of bad input, with its examples.
# Its cases are in tests/integration/connect.py, interop.py, grpc_cli.py and grpc_docs.py; arguments are parts of names
# of cases of the last two.
. "$(dirname "$0")/lib.sh"

tc_script grpc_cli.py "$@"
tc_script grpc_docs.py "$@"
[ $# = 0 ] || tc_finish
tc_script connect.py
tc_script connect.py --side
tc_script interop.py
tc_finish
