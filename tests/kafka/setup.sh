#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copies the jars of a real Kafka broker into build/kafka/libs (about 45 MiB). Does nothing when they are there.
#   setup.sh
# Needs Maven and a Java runtime of version 17 or newer. TC_KAFKA_DIR: another place than build/kafka.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${TC_KAFKA_DIR:-$here/../../build/kafka}

for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "setup.sh: $tool is not installed" >&2; exit 3; }
done
mkdir -p "$dir"
if ! [ -f "$dir/libs/.complete" ]; then
    # A copy that was cut short is begun again, never half used.
    rm -rf "$dir/libs" "$dir/libs.part"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$(realpath "$dir")/libs.part"
    touch "$dir/libs.part/.complete"
    mv "$dir/libs.part" "$dir/libs"
fi
cat > "$dir/log4j2.properties" <<'L'
status = error
appender.o.type = Console
appender.o.name = OUT
appender.o.layout.type = PatternLayout
appender.o.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level = ${sys:kafka.loglevel:-info}
rootLogger.appenderRef.o.ref = OUT
L
