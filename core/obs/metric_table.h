// SPDX-License-Identifier: Apache-2.0
/* core/obs/metric_table: every metric, one row each; included by core/obs/metric.h alone.
 *
 * X(field, name after "tickcast_", type, label, help). Types: COUNTER, GAUGE, and with a unit of
 * storage that is turned into the base unit: GAUGE_MS (stored ms, shown seconds). Labels: NONE (the
 * sum over all blocks), WORKER, SOURCE (of the block), LOG, REASON. Histograms: stored ns, shown
 * seconds. */
#ifndef TC_CORE_OBS_METRIC_TABLE_H
#define TC_CORE_OBS_METRIC_TABLE_H

/* clang-format off */
#define TC_METRIC_WORKER_TABLE(X)                                                                  \
    X(connections, "connections", GAUGE, WORKER, "Open client connections")                        \
    X(connections_accepted, "connections_accepted_total", COUNTER, NONE,                           \
      "Connections accepted")                                                                      \
    X(connections_refused, "connections_refused_total", COUNTER, NONE,                             \
      "Connections refused because a limit was reached")                                           \
    X(accept_pauses, "accept_pauses_total", COUNTER, NONE,                                         \
      "Times accepting failed for want of descriptors or memory, and was put off")                 \
    X(members, "members", GAUGE, WORKER, "Subscriptions of open connections")                      \
    X(members_behind, "members_behind", GAUGE, NONE,                                               \
      "Subscriptions that are not at the head of their room")                                      \
    X(member_rooms, "member_rooms", GAUGE, WORKER, "Rooms with at least one subscription")         \
    X(behind, "behind_total", COUNTER, NONE, "Times a subscription fell behind")                   \
    X(waiting_names, "waiting_names", GAUGE, NONE,                                                 \
      "Subscribed room names that have no record yet")                                             \
    X(pending_subscriptions, "pending_subscriptions", GAUGE, NONE,                                 \
      "Subscriptions that are not answered yet (warm-up, or a position ahead of this node)")       \
    X(bus_events, "bus_events_total", COUNTER, WORKER,                                             \
      "Events read from the buses, of rooms with subscriptions")                                   \
    X(bus_skipped, "bus_skipped_total", COUNTER, WORKER,                                           \
      "Events passed over on the buses, of rooms without subscriptions")                           \
    X(deliveries, "deliveries_total", COUNTER, WORKER, "Events handed to sockets")                 \
    X(delivered_bytes, "delivered_bytes_total", COUNTER, WORKER, "Bytes handed to sockets")        \
    X(received_bytes, "received_bytes_total", COUNTER, NONE, "Bytes read from clients")            \
    X(sends, "sends_total", COUNTER, WORKER, "Send operations")                                    \
    X(shared_sends, "shared_sends_total", COUNTER, WORKER,                                         \
      "Send operations that took pages which others take too, instead of a copy")                  \
    X(short_sends, "short_sends_total", COUNTER, WORKER,                                           \
      "Send operations that took less than was offered, or nothing")                               \
    X(conflated, "conflated_total", COUNTER, NONE, "Conflated notices")                            \
    X(skipped_events, "skipped_events_total", COUNTER, NONE,                                       \
      "Events that conflated notices stand for")                                                   \
    X(recovered, "recovered_total", COUNTER, NONE, "Resumed subscriptions with nothing missing")   \
    X(cannot_recover, "cannot_recover_total", COUNTER, NONE,                                       \
      "Resumed subscriptions with a declared hole")                                                \
    X(bus_overruns, "bus_overruns_total", COUNTER, WORKER,                                         \
      "Times the worker was overtaken by a bus and recovered")                                     \
    X(turns, "turns_total", COUNTER, WORKER, "Turns of the worker")                                \
    X(sleeps, "sleeps_total", COUNTER, WORKER, "Times the worker blocked for lack of work")        \
    X(wakeups, "wakeups_total", COUNTER, WORKER, "Times a doorbell woke the worker")               \
    X(cq_overflows, "cq_overflows_total", COUNTER, WORKER,                                         \
      "Completion queue overflows of io_uring")                                                    \
    X(punts, "punts_total", COUNTER, WORKER,                                                       \
      "Sends that io_uring did not complete at submit")                                            \
    X(spill_bytes, "spill_bytes", GAUGE, WORKER, "Bytes of unfinished frames held")                \
    X(spill_budget_bytes, "spill_budget_bytes", GAUGE, WORKER,                                     \
      "Bytes that unfinished frames may take")                                                     \
    X(spill_empty, "spill_empty_total", COUNTER, WORKER,                                           \
      "Connections closed because the spill pool was empty")                                       \
    X(commands, "commands_total", COUNTER, NONE, "Commands of clients")                            \
    X(command_errors, "command_errors_total", COUNTER, NONE,                                       \
      "Commands answered with an error")                                                           \
    X(h2_connections, "http2_connections_total", COUNTER, NONE,                                    \
      "Connections that have spoken HTTP/2")                                                       \
    X(streams, "http2_streams", GAUGE, WORKER, "Open streams of HTTP/2 connections")               \
    X(requests, "http2_requests_total", COUNTER, NONE, "Requests over HTTP/2")                     \
    X(grpc_calls, "grpc_calls_total", COUNTER, NONE, "Calls of gRPC and gRPC-Web")                 \
    X(grpc_errors, "grpc_errors_total", COUNTER, NONE,                                             \
      "Calls that ended with a status other than OK")                                              \
    X(h2_memory_bytes, "http2_memory_bytes", GAUGE, WORKER, "Bytes that HTTP/2 has taken")         \
    X(tls_handshakes, "tls_handshakes_total", COUNTER, NONE, "TLS handshakes completed")           \
    X(tls_resumed, "tls_resumed_total", COUNTER, NONE,                                             \
      "TLS handshakes that resumed a session by its ticket")                                       \
    X(tls_failures, "tls_failures_total", COUNTER, NONE,                                           \
      "TLS connections that ended before their handshake was completed")                           \
    X(tls_memory_bytes, "tls_memory_bytes", GAUGE, WORKER, "Bytes that TLS has taken")             \
    X(glitches, "glitches_total", COUNTER, NONE, "Anomalies of peers")                             \
    X(record_time_negative, "record_to_write_negative_total", COUNTER, NONE,                       \
      "Deliveries whose record time is ahead of our clock; not in the histogram")

#define TC_METRIC_WORKER_ARRAYS(X)                                                                 \
    X(gaps, "gaps_total", COUNTER, REASON, TC_METRIC_GAPS_MAX,                                     \
      "Gaps declared to subscriptions")                                                            \
    X(closes, "closes_total", COUNTER, REASON, TC_METRIC_CLOSES_MAX, "Connections ended")

#define TC_METRIC_WORKER_HISTS(X)                                                                  \
    X(turn, "turn_seconds", HISTOGRAM, NONE, "Duration of a worker's turn, sleep excluded")        \
    X(record_to_write, "record_to_write_seconds", HISTOGRAM, NONE,                                 \
      "From the record's timestamp to the write to sockets")                                       \
    X(ingest_to_write, "ingest_to_write_seconds", HISTOGRAM, NONE,                                 \
      "From the publish on the bus to the write to sockets")

#define TC_METRIC_INGEST_TABLE(X)                                                                  \
    X(rooms, "rooms", GAUGE, SOURCE, "Rooms with a record")                                        \
    X(logs, "logs", GAUGE, SOURCE, "Logs (topic partitions) being read")                           \
    X(events, "events_total", COUNTER, SOURCE, "Events put on the bus")                            \
    X(event_bytes, "event_bytes_total", COUNTER, SOURCE, "Payload bytes put on the bus")           \
    X(tombstones, "tombstones_total", COUNTER, SOURCE, "Records without a value")                  \
    X(poison, "poison_total", COUNTER, SOURCE,                                                     \
      "Records that could not be mapped to an event and were quarantined")                         \
    X(oversize, "oversize_total", COUNTER, SOURCE,                                                 \
      "Records above limits.event_bytes, quarantined")                                             \
    X(rooms_refused, "rooms_refused_total", COUNTER, SOURCE,                                       \
      "Records of new rooms above limits.rooms, quarantined")                                      \
    X(lost_ranges, "lost_ranges_total", COUNTER, SOURCE,                                           \
      "Ranges of positions that the source no longer had")                                         \
    X(rooms_moved, "rooms_moved_total", COUNTER, SOURCE, "Rooms that went to another log")         \
    X(slots_full, "last_values_dropped_total", COUNTER, SOURCE,                                    \
      "Last values dropped because their memory was spent")                                        \
    X(slot_bytes, "last_values_bytes", GAUGE, SOURCE, "Bytes of last values outside the ring")     \
    X(doorbells, "doorbells_total", COUNTER, SOURCE, "Doorbells rung for sleeping workers")        \
    X(reconnects, "source_reconnects_total", COUNTER, SOURCE, "Reconnects of the source")          \
    X(missed_wakes, "source_missed_wakes_total", COUNTER, SOURCE,                                  \
      "Records that the source's library did not ring for and only a timer found; a fault")        \
    X(errors, "source_errors_total", COUNTER, SOURCE, "Errors reported by the source's library")   \
    X(away, "source_away", GAUGE, SOURCE, "1 while the source cannot be reached")                  \
    X(incomplete, "source_incomplete", GAUGE, SOURCE,                                              \
      "1 while a part of the source is not read: a topic or partition is missing or in trouble")   \
    X(lag_ms, "source_lag_seconds", GAUGE_MS, SOURCE,                                              \
      "Age of the newest record read: our clock less its timestamp, when it was read")

#define TC_METRIC_PROCESS_TABLE(X)                                                                 \
    X(memory_taken_bytes, "memory_taken_bytes", GAUGE, NONE, "Memory taken at start")              \
    X(memory_budget_bytes, "memory_budget_bytes", GAUGE, NONE,                                     \
      "Memory that may be taken; 0: no bound")                                                     \
    X(log_lines_dropped, "log_lines_dropped_total", COUNTER, NONE,                                 \
      "Log lines dropped because a ring was full or the output blocked")                           \
    X(connections_max, "connections_max", GAUGE, NONE, "Connections that may be open at once")     \
    X(ready, "ready", GAUGE, NONE, "1 when the node is ready to serve")                            \
    X(draining, "draining", GAUGE, NONE, "1 during a graceful stop")                               \
    X(start_time_ms, "start_time_seconds", GAUGE_MS, NONE,                                         \
      "Start of the process, seconds since 1970")

#define TC_METRIC_PULLED_TABLE(X)                                                                  \
    X(LOG_LAG, "log_lag_positions", GAUGE, LOG,                                                    \
      "Positions between what was read of the log and its end at the source")                      \
    X(LOG_STALE, "log_stale", GAUGE, LOG, "1 while the log is stale")
/* clang-format on */

#endif
