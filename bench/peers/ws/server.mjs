// SPDX-License-Identifier: Apache-2.0
// ws: a set of sockets a room; each message is made once, as a buffer, and sent to each of them.
import { fail, need, parseArgs, ready, run } from "../lib/peer.mjs";

const { WebSocketServer } = need("ws");
const args = parseArgs(process.argv);
const rooms = new Map(); // a set of sockets by its name

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: args.port,
  backlog: 4096,
  perMessageDeflate: false,
  clientTracking: false,
});
server.on("connection", (socket, request) => {
  const room = request.url.split("/")[2]; // of /ws/ROOM
  if (!rooms.has(room)) rooms.set(room, new Set());
  rooms.get(room).add(socket);
  socket.on("error", () => socket.terminate());
  socket.on("close", () => rooms.get(room).delete(socket));
});
server.on("error", (error) => fail(`ws: ${error.message}`));
server.on("listening", () => {
  ready();
  run(args, (messages) => {
    for (const { room, body } of messages) {
      const data = Buffer.from(JSON.stringify(body));
      for (const socket of rooms.get(room) ?? []) socket.send(data, { binary: false });
    }
  });
});
