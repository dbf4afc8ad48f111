#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unit tests as a developer builds them.
. "$(dirname "$0")/lib.sh"
tc_build dev unit || tc_fail 'build dev unit'
tc_ctest dev -L unit
tc_finish
