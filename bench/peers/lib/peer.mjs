// SPDX-License-Identifier: Apache-2.0
// What the peers in JavaScript share: the arguments, the floor's messages, and their schedule.
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const FIRST_POS = 1000000000; // ten digits from the start, as the floor's
const COARSE_MS = 3; // timers of the event loop are that bad: what is left is slept exactly

/* A module of npm: they are installed in a folder of the build tree, not beside these files. */
export function need(name) {
  return createRequire(path.join(process.env.PEER_DIR, "package.json"))(name);
}

export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(3);
}

/* PORT RATE BURST PAYLOAD ROOMS, as every start.sh is called. */
export function parseArgs(argv) {
  const [port, rate, burst, payload, rooms] = argv.slice(2).map(Number);
  if (!(port > 0 && rate >= 0 && burst >= 1 && payload >= 40 && rooms >= 1)) {
    process.stderr.write("usage: start.sh DIR PORT RATE BURST PAYLOAD ROOMS [PUBLISHER_CPUS]\n");
    process.exit(2);
  }
  return { port, rate, burst, payload, rooms };
}

/* Told once the server listens; from here on it ends on SIGTERM. */
export function ready() {
  process.on("SIGTERM", () => process.exit(0));
  process.on("SIGINT", () => process.exit(0));
  process.stdout.write(`ready ${process.pid}\n`);
}

/* The floor's message as an object: as text its data is of `payload` bytes. Rooms take turns, and
 * each has positions of its own without holes. */
function message(args, idx, dueNs) {
  const turn = Math.floor(idx / args.rooms);
  const room = `ticker-S${idx % args.rooms}`;
  const pos = FIRST_POS + turn;
  const fill = args.payload - `{"t_ns":${dueNs},"x":""}`.length;
  return {
    room,
    body: {
      event: "ticker-update",
      room,
      pos,
      prev: pos - 1,
      ts: 1723075200150,
      data: { t_ns: dueNs, x: "x".repeat(fill) },
    },
  };
}

/* Calls publish with an array of {room, body} at absolute times, BURST messages every BURST / RATE
 * seconds. The clock is CLOCK_MONOTONIC in ns, exact as a Number for the first 104 days. A burst
 * that is late goes at once and keeps its intended time; in between the event loop has its turn. */
export function run(args, publish) {
  if (args.rate === 0) return;
  const now = () => Number(process.hrtime.bigint());
  const stepNs = (1e9 * args.burst) / args.rate;
  const startNs = now() + stepNs;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let burstIdx = 0;

  const step = () => {
    const dueNs = Math.round(startNs + burstIdx * stepNs);
    const waitMs = (dueNs - now()) / 1e6;
    if (waitMs > COARSE_MS) {
      setTimeout(step, Math.floor(waitMs) - COARSE_MS + 1);
      return;
    }
    if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs);
    const messages = [];
    for (let i = 0; i < args.burst; i++)
      messages.push(message(args, burstIdx * args.burst + i, dueNs));
    burstIdx++;
    publish(messages);
    setImmediate(step);
  };
  step();
}
