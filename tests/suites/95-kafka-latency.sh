#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The measurement of latency through a real Apache Kafka: that it measures, not how fast it is.
# Its cases are in tests/integration/kafka_latency.py; arguments are parts of names of cases.
. "$(dirname "$0")/lib.sh"
exec "$TC_PYTHON" tests/integration/kafka_latency.py "$@"
