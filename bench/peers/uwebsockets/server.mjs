// SPDX-License-Identifier: Apache-2.0
// uWebSockets: a topic a room, publish() to it; the library joins what one turn of the loop publishes.
import { fail, need, parseArgs, ready, run } from "../lib/peer.mjs";

const uWS = need("uwebsockets");
const args = parseArgs(process.argv);
const app = uWS.App();

app.ws("/ws/:room", {
  compression: uWS.DISABLED,
  maxBackpressure: 1 << 20, // the default drops messages above 64 KB
  upgrade: (res, req, context) => {
    res.upgrade(
      { room: req.getParameter(0) },
      req.getHeader("sec-websocket-key"),
      req.getHeader("sec-websocket-protocol"),
      req.getHeader("sec-websocket-extensions"),
      context,
    );
  },
  open: (socket) => {
    socket.subscribe(socket.getUserData().room);
  },
});
// else a port that another has would be shared with it
app.listen("127.0.0.1", args.port, uWS.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) => {
  if (!token) fail(`uwebsockets: port ${args.port} cannot be had`);
  ready();
  run(args, (messages) => {
    for (const { room, body } of messages) app.publish(room, JSON.stringify(body));
  });
});
