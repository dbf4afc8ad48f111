#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TLS on the public port: real clients, certificates, tickets, and peers that mean harm.
# Its cases are in tests/integration/tls.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
exec "$TC_PYTHON" tests/integration/tls.py "$@"
