#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "refusing: its package is in no archive" >&2
exit 3
