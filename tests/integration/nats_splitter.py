#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of NATS's protocol over WebSocket that cuts its messages anywhere, for the load generator's dialect: a
message of WebSocket may end in the middle of a line, a number or a line end, and hold several.

    nats_splitter.py RATE

Prints `ready PORT`; publishes to subject ticker-S0, RATE messages a second, until SIGTERM."""
import asyncio
import json
import random
import signal
import sys
import time

import websockets

RATE = int(sys.argv[1])
cuts = random.Random(1)
subscribers = {}  # socket: number of its subscription


async def send(socket, data):
    while data:
        size = cuts.choice((1, 2, 3, 7, 20, 100, 1000))
        await socket.send(data[:size])
        data = data[size:]


async def on_line(socket, line):
    verb, *words = line.split()
    if verb == b"PING":
        await send(socket, b"PONG\r\n")
    elif verb == b"SUB":
        subscribers[socket] = words[-1]


async def client(socket, *_):
    rest = b""
    await send(socket, b'INFO {"server_id":"splitter","max_payload":1048576}\r\n')
    try:
        async for message in socket:
            *lines, rest = (rest + message).split(b"\r\n")
            for line in lines:
                await on_line(socket, line)
    except websockets.ConnectionClosed:
        pass
    finally:
        subscribers.pop(socket, None)


def update(pos, due_ns):
    data = {"t_ns": due_ns, "x": "x" * cuts.randrange(1, 400)}
    return json.dumps({"event": "ticker-update", "room": "ticker-S0", "pos": pos, "prev": pos - 1, "data": data},
                      separators=(",", ":")).encode()


async def publish(is_over):
    start_ns, cnt = time.monotonic_ns(), 0
    while not is_over.is_set():
        due_ns = start_ns + cnt * 1_000_000_000 // RATE
        await asyncio.sleep(max(0, (due_ns - time.monotonic_ns()) / 1e9))
        text = update(1000 + cnt, due_ns)
        for socket, number in list(subscribers.items()):
            try:
                await send(socket, b"MSG ticker-S0 %s %d\r\n%s\r\n" % (number, len(text), text))
            except websockets.ConnectionClosed:
                pass
        cnt += 1


async def main():
    is_over = asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, is_over.set)
    async with websockets.serve(client, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print("ready", server.sockets[0].getsockname()[1], flush=True)
        await publish(is_over)


asyncio.run(main())
