#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# start.sh DIR PORT RATE BURST PAYLOAD ROOMS [CPUS]
exec /usr/bin/python3 -B "$(dirname "$0")/server.py" "$2" "$3" "$4"
