// SPDX-License-Identifier: Apache-2.0
/* tickcast bench: a server measured from the side of its subscribers. */
#include "tools/tickcast/cmd.h"

#include "tools/tickcast/own_engine.h"

static const char usage_text[] =
    "usage: tickcast bench [ROOM...] [options]\n"
    "\n"
    "Connects as many subscribers, reads and checks every message, and prints for each window of\n"
    "time what a delivery (one message to one subscriber) costs the server and how late it comes.\n"
    "A window in which anything is missing has no figure. Without --connect it measures an engine\n"
    "of its own with made-up prices, on a core of its own if there are two.\n"
    "\n"
    "the server:\n"
    "  --connect HOST:PORT  the server; several, with commas, share the connections by --procs\n"
    "  --dialect NAME       how it is spoken to (tickcast)\n"
    "  --path PATH          of WebSocket (/ws)\n"
    "  --tls                over TLS, with any certificate\n"
    "  --pid PID[,PID...]   its processes on this machine, whose CPU is counted\n"
    "  --rate N             without --connect: messages a second over all rooms (1000)\n"
    "  --burst N            without --connect: messages that come at once (10)\n"
    "  --payload BYTES      without --connect: of a message (150)\n"
    "the subscribers:\n"
    "  ROOM...              rooms by their names\n"
    "  --rooms N            or N rooms with numbers: ticker-S0, ticker-S1, ... (1)\n"
    "  --room PREFIX        what their names begin with (ticker-S)\n"
    "  --conns N            connections (1000), spread over the rooms\n"
    "  --follow N           rooms of each connection, consecutive ones (1)\n"
    "  --slow N             so many of the connections stop reading, and are not measured\n"
    "  --churn N            commands a second, subscribe and unsubscribe in turn, by more\n"
    "                       connections that are not measured\n"
    "the run:\n"
    "  --procs N            processes that read (1)\n"
    "  --spread             from many addresses of 127.0.0.0/8 (with --procs, or many: always)\n"
    "  --warm-ms N          before the first window (1000)\n"
    "  --window-ms N        of a window (3000)\n"
    "  --windows N          how many (3)\n"
    "  --saturate           the server sends as fast as it can: windows by the clock, and updates\n"
    "                       that it says it left out are counted\n"
    "  --hold               connect, and begin at the end of input\n"
    "  --idle               connect, subscribe to nothing, and wait for the end of input\n"
    "  --streams N          with --idle and gRPC: calls on each connection (1; 0: none)\n"
    "  --json               a line of JSON per window\n"
    "\n"
    "examples:\n"
    "  tickcast bench\n"
    "  tickcast bench --connect 127.0.0.1:8080 --pid \"$(pgrep -x tickcast)\" --conns 5000 \\\n"
    "      ticker-BTCUSDT\n"
    "  tickcast bench --dialect grpc --conns 500 --rate 100 --burst 1 --json\n"
    "\n"
    "exit: 0 all windows have figures, 2 usage, 3 start-up (descriptors, the engine of its own),\n"
    "4 the server refused or ended, or a window has no figure, 5 internal\n";

static const struct tc_load_dialect *const dialects[] = { &tc_load_tickcast, &tc_load_grpc,
                                                          &tc_load_raw, NULL };

int tc_cmd_bench(int argc, char **argv)
{
    const struct tc_load_face face = { "tickcast bench", usage_text, dialects, &tc_own_engine };
    return tc_load_main(&face, argc, argv);
}
