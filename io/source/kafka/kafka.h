// SPDX-License-Identifier: Apache-2.0
/* io/source/kafka: records of Apache Kafka, through librdkafka (2.0.2 and newer).
 *
 * All partitions of the named topics are assigned by hand, each at a position of our own choosing:
 * no consumer group, no commits, nothing kept at the broker. Not for: splitting a topic between
 * nodes (every node reads everything).
 *
 * Two threads of ours, beside librdkafka's own:
 *
 *   side thread                                        polling thread (the ingest agent)
 *   blocking questions: metadata, offsets, topic ids ──events (SPSC)──> opens logs, assigns,
 *   ("is it there, where does it start, is it gone")  <──asks (SPSC)──  reads, hands to the sink
 *
 * What is promised
 * - Start while the broker is away, and for ever: every question is asked again until answered.
 * - A new partition is read from its beginning; so is a topic that is created after the start.
 * - Positions that retention or DeleteRecords took before we read them: sink.lost, reading goes on
 * at the low watermark.
 * - A topic that was deleted and made anew, or a log that was cut below our position: a new
 *   incarnation (sink.log_open with replaces), read from its beginning. librdkafka older than 2.3
 *   cannot tell a topic's id: there a topic is known to be new if it was seen to be missing in
 *   between (looked at every second or two), or if our position lies beyond its end.
 * - Stale: the leader of a partition cannot be reached, or the broker has records that we are not
 *   given (a transaction that stays open), for stale_ms. A quiet topic is not stale.
 *
 * Incarnation: 8 hex digits of a hash over cluster id and topic id (librdkafka 2.3 and newer; else
 * the topic's name). Nodes that shall serve each other's clients need the same kind of librdkafka.
 * For the mock broker the boot id is mixed in, for a log cut or made anew under an old library a
 * random number. */
#ifndef TC_IO_SOURCE_KAFKA_KAFKA_H
#define TC_IO_SOURCE_KAFKA_KAFKA_H

#include "io/source/source.h"

extern const struct tc_source_ops tc_source_kafka;

#endif
