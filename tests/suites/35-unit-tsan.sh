#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Threaded unit tests (test_*_mt.c) under the thread sanitizer.
. "$(dirname "$0")/lib.sh"
tc_build tsan unit-mt || tc_fail 'build tsan unit-mt'
tc_ctest tsan -L mt
tc_finish
