#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The WebSocket protocol of docs/protocol.md on a synthetic source, and framing on ws-echo.
# Its cases are in tests/integration/protocol.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
exec "$TC_PYTHON" tests/integration/protocol.py "$@"
