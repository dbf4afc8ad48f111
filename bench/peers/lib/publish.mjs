// SPDX-License-Identifier: Apache-2.0
// The publisher of peers that are brokers: publish.mjs nats|nchan TARGET RATE BURST PAYLOAD ROOMS
// TARGET is a port of 127.0.0.1 or the path of a socket. A burst is one write. Answers are read and not
// waited for; one that is not a yes ends it, and so does the broker's end of the connection.
import net from "node:net";
import process from "node:process";
import { fail, parseArgs, run } from "./peer.mjs";

const BROKERS = {
  nats: {
    hello: 'CONNECT {"verbose":false,"pedantic":false}\r\n',
    put: (room, text) => `PUB ${room} ${text.length}\r\n${text}\r\n`,
    bad: /^-ERR.*/m,
    answer: (text) => (/^PING\r$/m.test(text) ? "PONG\r\n" : ""),
  },
  nchan: {
    hello: "",
    put: (room, text) =>
      `POST /publish/${room} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    bad: /^HTTP\/1\.1 [345].*/m,
    answer: () => "",
  },
};

const [kind, target, ...numbers] = process.argv.slice(2);
const broker = BROKERS[kind];
if (!broker) fail(`publish: no broker of the kind ${kind}`);
const args = parseArgs(["", "", "1", ...numbers]);
const socket = /^\d+$/.test(target) ? net.connect(Number(target), "127.0.0.1") : net.connect(target);

process.on("SIGTERM", () => process.exit(0));
socket.setNoDelay(true);
socket.setEncoding("latin1");
socket.on("error", (error) => fail(`publish: ${error.message}`));
socket.on("close", () => fail("publish: the broker closed the connection"));
socket.on("data", (text) => {
  const bad = broker.bad.exec(text);
  if (bad) fail(`publish: ${bad[0]}`);
  const answer = broker.answer(text);
  if (answer) socket.write(answer);
});
socket.on("connect", () => {
  if (broker.hello) socket.write(broker.hello);
  run(args, (messages) => {
    socket.write(messages.map(({ room, body }) => broker.put(room, JSON.stringify(body))).join(""));
  });
});
