#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unit tests under the address, leak and undefined-behaviour sanitizers.
. "$(dirname "$0")/lib.sh"
tc_build asan unit || tc_fail 'build asan unit'
tc_ctest asan -L unit
tc_finish
