# SPDX-License-Identifier: Apache-2.0
"""A peer that sends the bench's messages by its schedule, and leaves one of every hundred out for one client."""
import asyncio
import os
import signal
import sys
import time

import websockets

PORT, RATE, BURST = (int(word) for word in sys.argv[1:4])
FIRST = 1000000000


async def publish(clients):
    pos, due = FIRST, time.monotonic()
    while True:
        due += BURST / RATE
        await asyncio.sleep(max(0, due - time.monotonic()))
        for pos in range(pos + 1, pos + 1 + BURST):
            text = '{"pos":%d,"prev":%d,"data":{"t_ns":%d}}' % (pos, pos - 1, int(due * 1e9))
            for number, client in enumerate(list(clients)):
                if pos % 100 or number:
                    await client.send(text)


async def main():
    clients, end = [], asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)

    async def serve(client, _path=None):
        clients.append(client)
        try:
            await client.wait_closed()
        finally:
            clients.remove(client)

    async with websockets.serve(serve, "127.0.0.1", PORT, compression=None, ping_interval=None):
        publisher = asyncio.create_task(publish(clients))
        print("ready %d" % os.getpid(), flush=True)
        await end.wait()
        publisher.cancel()


asyncio.run(main())
