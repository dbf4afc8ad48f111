#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real Apache Kafka in KRaft mode on loopback, for tests. Run setup.sh once before. Readiness is asked with kcat.
#   kafka.sh start [N]          N nodes (1), each broker and controller; formats the storage the first time
#   kafka.sh stop [ID]          SIGTERM to one broker or to all, and wait until gone
#   kafka.sh kill ID            SIGKILL to one broker
#   kafka.sh restart ID         start a stopped broker on its data
#   kafka.sh tool CLASS ARG...  a command-line tool: kafka.sh tool org.apache.kafka.tools.TopicCommand --list
#   kafka.sh status             process, memory and processor time of each broker
#   kafka.sh wipe               remove data and logs (after stop)
# Environment:
#   TC_KAFKA_DIR   where libs/ lies (build/kafka)        TC_KAFKA_RUN   data, logs and pids (TC_KAFKA_DIR/run)
#   TC_KAFKA_PORT  base port P (19090): broker I listens on P+I, its controller on P+100+I
#   TC_KAFKA_HEAP  heap per broker (256m)                TC_KAFKA_WAIT_S  limit of every wait (60)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(realpath -m "${TC_KAFKA_DIR:-$here/../../build/kafka}")
run=$(realpath -m "${TC_KAFKA_RUN:-$dir/run}")
port=${TC_KAFKA_PORT:-19090}
heap=${TC_KAFKA_HEAP:-256m}
wait_s=${TC_KAFKA_WAIT_S:-60}
# Any 22 characters of base64 that make a UUID; all nodes of a cluster share it.
cluster=${TC_KAFKA_CLUSTER:-dGlja2Nhc3QtdGVzdHMtMQ}

jvm() { # MEMORY LEVEL CLASS ARG...: replaces this shell
    local memory=$1 level=$2
    shift 2
    exec java "-Xms$memory" "-Xmx$memory" -XX:+UseSerialGC -XX:TieredStopAtLevel=4 -Djava.awt.headless=true \
        -Dlog4j2.configurationFile="file:$dir/log4j2.properties" -Dkafka.loglevel="$level" -cp "$dir/libs/*" "$@"
}

properties() { # ID N
    local id=$1 n=$2 voters='' i replicas=$2
    for i in $(seq "$n"); do voters+="${voters:+,}$i@127.0.0.1:$((port + 100 + i))"; done
    if [ "$replicas" -gt 3 ]; then replicas=3; fi
    cat <<P
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$((port + id)),CONTROLLER://127.0.0.1:$((port + 100 + id))
advertised.listeners=PLAINTEXT://127.0.0.1:$((port + id))
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$run/data/$id
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=$replicas
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=1
min.insync.replicas=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=4194304
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
broker.session.timeout.ms=6000
controlled.shutdown.enable=true
P
}

ids() { (cd "$run/pid" 2>/dev/null && ls) || true; }

launch() { # ID
    # A session of its own, so that an interrupt typed at a test does not reach the broker before the test ends it.
    (cd "$run" && jvm_args=("$heap" info kafka.Kafka "$run/conf/$1.properties") &&
        exec setsid "$here/kafka.sh" jvm "${jvm_args[@]}") >> "$run/log/$1.out" 2>&1 < /dev/null &
    echo $! > "$run/pid/$1"
}

ready() { # ID: until the broker answers a request for metadata
    local pid end
    pid=$(cat "$run/pid/$1")
    end=$((SECONDS + wait_s))
    until kcat -b "127.0.0.1:$((port + $1))" -L -m 1 >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null; then
            echo "broker $1 ended at start:" >&2
            tail -20 "$run/log/$1.out" >&2
            return 1
        fi
        [ "$SECONDS" -lt "$end" ] || { echo "broker $1 not ready in $wait_s s" >&2; return 1; }
        sleep 0.1
    done
}

end() { # ID SIGNAL
    local file=$run/pid/$1 pid end
    [ -f "$file" ] || return 0
    pid=$(cat "$file")
    kill "-$2" "$pid" 2>/dev/null || true
    end=$((SECONDS + wait_s))
    while kill -0 "$pid" 2>/dev/null; do
        [ "$SECONDS" -lt "$end" ] || { echo "broker $1 (pid $pid) does not end" >&2; return 1; }
        sleep 0.1
    done
    rm -f "$file"
}

case "${1:-}" in
start)
    n=${2:-1}
    [ -f "$dir/libs/.complete" ] || { echo "kafka.sh: run setup.sh first" >&2; exit 3; }
    mkdir -p "$run/conf" "$run/log" "$run/pid" "$run/data"
    for id in $(seq "$n"); do
        properties "$id" "$n" > "$run/conf/$id.properties"
        [ -f "$run/data/$id/meta.properties" ] ||
            (jvm 64m error kafka.tools.StorageTool format -t "$cluster" -c "$run/conf/$id.properties") \
                > "$run/log/$id.format" 2>&1 || { cat "$run/log/$id.format" >&2; exit 1; }
    done
    for id in $(seq "$n"); do launch "$id"; done
    for id in $(seq "$n"); do ready "$id"; done
    ;;
stop) for id in ${2:-$(ids)}; do end "$id" TERM; done ;;
kill) end "$2" KILL ;;
restart) launch "$2" && ready "$2" ;;
tool)
    class=$2
    shift 2
    jvm 128m error "$class" --bootstrap-server "127.0.0.1:$((port + 1))" "$@"
    ;;
jvm) shift && jvm "$@" ;; # only for launch
status)
    for id in $(ids); do
        pid=$(cat "$run/pid/$id")
        awk -v id="$id" -v pid="$pid" '/^VmRSS/ { printf "broker %s pid %s rss %d MiB", id, pid, $2 / 1024 }' "/proc/$pid/status"
        awk '{ printf " cpu %.2f s\n", ($14 + $15) / 100 }' "/proc/$pid/stat"
    done
    ;;
wipe)
    [ -z "$(ids)" ] || { echo "kafka.sh: stop the brokers first" >&2; exit 1; }
    rm -rf "$run"
    ;;
*)
    sed -n '3,16s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
