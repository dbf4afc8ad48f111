// SPDX-License-Identifier: Apache-2.0
// Socket.IO: its own rooms, the WebSocket transport alone; a client asks by an event and is answered by an
// acknowledgement, updates have none.
import { createServer } from "node:http";
import { fail, need, parseArgs, ready, run } from "../lib/peer.mjs";

const { Server } = need("socket.io");
const args = parseArgs(process.argv);
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
});

// what the manual advises for memory
io.engine.on("connection", (raw) => {
  raw.request = null;
});
io.on("connection", (socket) => {
  socket.on("subscribe", (rooms, confirm) => {
    socket.join(rooms);
    confirm();
  });
  socket.on("unsubscribe", (rooms, confirm) => {
    for (const room of rooms) socket.leave(room);
    confirm();
  });
});
http.on("error", (error) => fail(`socketio: ${error.message}`));
http.listen({ host: "127.0.0.1", port: args.port, backlog: 4096 }, () => {
  ready();
  run(args, (messages) => {
    for (const { room, body } of messages) io.to(room).emit("m", body);
  });
});
