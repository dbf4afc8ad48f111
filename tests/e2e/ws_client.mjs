// SPDX-License-Identifier: Apache-2.0
/* npm ws as a subscriber: node ws_client.mjs URL ROOM CLIENTS UPDATES. Each client checks the chain rule and
 * is cut and resumed once. One line of JSON; exit 0 if nothing was broken. */
import WebSocket from 'ws';

const [url, room, clients, updates] = [process.argv[2], process.argv[3], +process.argv[4], +process.argv[5]];
const faults = [];
let done = 0, recovered = 0, snapshots = 0;

function client(n) {
  let last = null, log = null, cnt = 0, isResumed = false, ws;
  const fault = (what, m) => faults.push(`client ${n}: ${what}: ${JSON.stringify(m).slice(0, 200)}`);
  const open = () => {
    ws = new WebSocket(url);
    ws.on('open', () => ws.send(JSON.stringify({ event: 'subscribe', id: n,
      data: { rooms: [room], ...(log ? { from: { [room]: { log, pos: last } } } : { snapshot: true }) } })));
    ws.on('message', (bytes, isBinary) => {
      if (isBinary) faults.push('a binary message');
      take(JSON.parse(bytes.toString()));
    });
    ws.on('error', (e) => faults.push(String(e)));
  };
  const take = (m) => {
    if (m.event === 'subscription-confirmed') {
      if (m.id !== n) fault('another id', m);
      if (!log) last = m.pos;
      log = m.log;
    } else if (m.event === 'recovered') {
      recovered++;
    } else if (m.event === 'ticker-update' && m.snapshot) {
      snapshots++;
    } else if (m.event === 'ticker-update') {
      if (!((m.prev ?? -1) <= (last ?? -1) && (last ?? -1) < m.pos)) fault(`chain broken after ${last}`, m);
      last = m.pos;
      if (++cnt === updates && !isResumed) {
        isResumed = true;
        ws.removeAllListeners('message');
        ws.terminate();
        setTimeout(open, 50);
      } else if (cnt === 2 * updates) {
        ws.removeAllListeners('message');
        ws.close(1000);
        ws.on('close', (code) => {
          if (code !== 1000) faults.push(`closed with ${code}`);
          finish();
        });
      }
    } else {
      fault('unexpected event', m);
    }
  };
  open();
}

function finish() {
  if (++done < clients) return;
  console.log(JSON.stringify({ clients, recovered, snapshots, faults: faults.slice(0, 5) }));
  process.exit(faults.length || recovered !== clients ? 1 : 0);
}

setTimeout(() => {
  console.log(JSON.stringify({ done, faults: [...faults.slice(0, 5), 'not done in time'] }));
  process.exit(1);
}, 30000);
for (let n = 0; n < clients; n++) client(n);
