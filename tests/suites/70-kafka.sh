#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Scenarios with a real Apache Kafka.
# Its cases are in tests/integration/kafka_scenarios.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
exec "$TC_PYTHON" tests/integration/kafka_scenarios.py "$@"
