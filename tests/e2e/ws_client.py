# SPDX-License-Identifier: Apache-2.0
"""Python websockets as a subscriber: ws_client.py URL ROOM CLIENTS UPDATES. As ws_client.mjs."""
import asyncio
import json
import sys

import websockets


async def client(n, url, room, updates, faults):
    last = log = None
    for part in range(2):
        async with websockets.connect(url, compression="deflate" if n % 2 else None) as ws:
            data = {"rooms": [room]}
            data.update({"from": {room: {"log": log, "pos": last}}} if log else {"snapshot": True})
            await ws.send(json.dumps({"event": "subscribe", "id": n, "data": data}))
            count = 0
            while count < updates:
                m = json.loads(await ws.recv())
                if m["event"] == "subscription-confirmed":
                    if log is None:
                        last = m["pos"]
                    log = m["log"]
                elif m["event"] == "ticker-update" and not m.get("snapshot"):
                    if not (-1 if m["prev"] is None else m["prev"]) <= last < m["pos"]:
                        faults.append("client %d: chain broken after %s: %s" % (n, last, m))
                    last = m["pos"]
                    count += 1
                elif m["event"] not in ("recovered", "ticker-update"):
                    faults.append("unexpected: %s" % m)
            pong = await ws.ping()
            await asyncio.wait_for(pong, 5)


async def run():
    url, room, clients, updates = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    faults = []
    await asyncio.wait_for(asyncio.gather(*(client(n, url, room, updates, faults) for n in range(clients))), 30)
    print(json.dumps({"clients": clients, "faults": faults[:5]}))
    sys.exit(1 if faults else 0)

asyncio.run(run())
