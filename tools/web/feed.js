// SPDX-License-Identifier: Apache-2.0
/* The feed of the page: one connection, the rooms' places in their logs, the proof.
 *
 * Two parts: the link (connect, subscribe, resume, ping) and the chain (what each message means for
 * "nothing is missing"). It draws nothing; whoever shows it fills `hooks`. */

export const ROOMS_MAX = 1024; // the server's default limit per connection
const COMMAND_BYTES_MAX = 32768; // half of the server's message limit
const PING_MS = 2000;
const SILENT_MS = 10000; // five pings without any answer: the connection is dead
const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 5000;
const LATENCY_WINDOW_MS = 5000;
const LATENCY_SAMPLES_MAX = 20000;
const CLOCK_SAMPLES_MAX = 30;
const CLOCK_SAMPLES_SOON = 8; // quickly, so that the first figures are true already

export const whole = new Intl.NumberFormat('en-US');
export const isNum = (v) => typeof v === 'number';
const nowMs = () => performance.timeOrigin + performance.now();

export const rooms = new Map();
export const stats = {
  updates: 0,
  proved: 0,
  missing: 0,
  gaps: 0,
  conflated: 0,
  reconnects: 0,
  resumed: 0,
};
export const link = {
  ws: null,
  tries: 0,
  heardAt: 0,
  pingId: 0,
  pings: new Map(),
  delayMs: 0,
  wasUp: false,
  state: 'connecting',
  stateText: 'connecting',
};
export const clock = { samples: [], offset: 0, rtt: NaN };

export const hooks = {
  changed: () => {}, // link or stats
  room: (room) => {}, // something of that room
  value: (room, m) => {}, // an update of that room, after its chain was judged
  notice: (kind, title, text) => {},
  again: () => {}, // connected again
};
const notice = (kind, title, text) => hooks.notice(kind, title, text);

export function makeFeedRoom(name) {
  return {
    name,
    log: null, // incarnation that `last` counts in
    nextLog: undefined, // the one that a refused resume will go on with
    last: undefined, // position: a number; null: nothing was ever sent; undefined: not known yet
    lastTs: undefined,
    asked: false, // the subscription named a position
    replayTo: -1, // positions up to here are history: no latency is taken from them
    isStale: false,
    refused: '',
    inSecond: 0,
  };
}

/* ---------------------------------------------------------------- link */

function setState(state, text) {
  link.state = state;
  link.stateText = text;
  hooks.changed();
}

export function send(message) {
  if (link.ws && link.ws.readyState === WebSocket.OPEN) link.ws.send(JSON.stringify(message));
}

function sendPing() {
  const id = `p${++link.pingId}`;
  link.pings.set(id, nowMs());
  if (link.pings.size > 16) link.pings.delete(link.pings.keys().next().value);
  send({ event: 'ping', id });
}

/* Subscribes with as many commands as the size of one asks for. A room that has a place in a log
 * goes on from there; any other starts with a snapshot. */
export function subscribe(list) {
  let names = [],
    from = {},
    bytes = 0;
  const flush = () => {
    if (!names.length) return;
    const data = { rooms: names, snapshot: true };
    if (Object.keys(from).length) data.from = from;
    send({ event: 'subscribe', data });
    names = [];
    from = {};
    bytes = 0;
  };
  for (const room of list) {
    room.asked = isNum(room.last) && typeof room.log === 'string';
    if (room.asked) {
      from[room.name] = { log: room.log, pos: room.last };
      if (isNum(room.lastTs)) from[room.name].ts = room.lastTs;
      bytes += room.log.length + room.name.length + 80;
    } else {
      room.last = undefined;
    }
    names.push(room.name);
    bytes += room.name.length + 8;
    if (bytes > COMMAND_BYTES_MAX) flush();
  }
  flush();
}

export function start() {
  setInterval(keepAlive, PING_MS);
  connect();
}

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const ws = new WebSocket(`${scheme}://${location.host}/ws`);
  link.ws = ws;
  link.heardAt = performance.now();
  setState('connecting', link.wasUp ? 'reconnecting' : 'connecting');
  ws.onopen = () => {
    link.pings.clear();
    clock.samples = [];
    sendPing();
    subscribe(rooms.values());
    if (link.wasUp) {
      stats.reconnects++;
      notice('good', 'connected', 'again; each room goes on from its last position');
      hooks.again();
    }
    link.wasUp = true;
    setState('live', 'live');
  };
  ws.onmessage = (e) => {
    link.heardAt = performance.now();
    link.tries = 0;
    let m = null;
    try {
      m = JSON.parse(e.data);
    } catch (_) {
      /* said below */
    }
    if (m && typeof m.event === 'string') onMessage(m);
    else notice('bad', 'unreadable', String(e.data).slice(0, 120));
  };
  ws.onclose = (e) => onDown(ws, e.code, e.reason);
}

function onDown(ws, code, reason) {
  if (ws !== link.ws) return;
  link.ws = null;
  const wasLive = link.state === 'live';
  let delay = link.delayMs;
  link.delayMs = 0;
  if (!delay) {
    const top = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** link.tries);
    delay = top / 2 + (Math.random() * top) / 2;
  }
  link.tries = Math.min(link.tries + 1, 8);
  if (wasLive) notice('warn', 'disconnected', `close ${code}${reason ? ` ${reason}` : ''}`);
  setState('down', `disconnected, next try in ${(delay / 1000).toFixed(1)} s`);
  setTimeout(connect, delay);
}

/* Every PING_MS: are you there, and what is your time? */
function keepAlive() {
  const ws = link.ws;
  if (!ws) return;
  if (performance.now() - link.heardAt > SILENT_MS) {
    ws.onclose = null;
    ws.close();
    onDown(ws, 1006, 'silent');
  } else {
    sendPing();
  }
}

function onPong(m) {
  const sent = link.pings.get(m.id);
  if (sent === undefined || !isNum(m.ts)) return;
  link.pings.delete(m.id);
  const now = nowMs();
  clock.samples.push({ rtt: now - sent, offset: m.ts - (sent + now) / 2 });
  if (clock.samples.length > CLOCK_SAMPLES_MAX) clock.samples.shift();
  const best = clock.samples.reduce((a, b) => (b.rtt < a.rtt ? b : a));
  clock.offset = best.offset;
  clock.rtt = best.rtt;
  if (clock.samples.length < CLOCK_SAMPLES_SOON) setTimeout(sendPing, 200);
}

/* ---------------------------------------------------------------- chain */

function range(m) {
  const lo = isNum(m.from) ? whole.format(m.from) : 'start';
  return `(${lo}, ${isNum(m.to) ? whole.format(m.to) : '?'}]`;
}

/* A declared range ends at `to`; the record there is not one of ours, so its time is not known. */
function moveOn(room, to) {
  if (!isNum(to) || (isNum(room.last) && to <= room.last)) return;
  room.last = to;
  room.lastTs = undefined;
}

const handlers = {
  pong: onPong,
  'subscription-confirmed'(m, room) {
    room.refused = '';
    room.isStale = false;
    if (room.asked && room.log === m.log) return;
    if (room.asked) {
      room.nextLog = m.log;
      return;
    } // `cannot-recover` follows
    room.log = m.log;
    room.last = m.pos;
  },
  recovered(m, room) {
    room.replayTo = isNum(m.to) ? m.to : -1;
    stats.resumed++;
    if (m.count)
      notice(
        'good',
        'recovered',
        `${room.name}: ${whole.format(m.count)} updates after ${range(m)}`,
      );
  },
  'cannot-recover'(m, room) {
    if (room.nextLog !== undefined) room.log = room.nextLog;
    room.nextLog = undefined;
    room.last = undefined; // the snapshot starts a new chain
    room.replayTo = -1;
    notice('warn', 'cannot-recover', `${room.name} ${range(m)} ${m.reason || ''}`);
  },
  conflated(m, room) {
    stats.conflated += isNum(m.skipped) ? m.skipped : 1;
    if (isNum(room.last) && isNum(m.from) && m.from > room.last)
      missing(room, `conflated from ${m.from}, but the last update was ${room.last}`);
    moveOn(room, m.to);
    notice('warn', 'conflated', `${room.name} ${range(m)}: ${m.skipped} skipped`);
  },
  gap(m, room) {
    stats.gaps++;
    moveOn(room, m.to);
    notice('bad', 'gap', `${room.name} ${range(m)} ${m.reason || ''}`);
  },
  moved(m, room) {
    room.log = m.log;
    room.last = isNum(m.pos) ? m.pos : null;
    room.replayTo = -1;
    notice('warn', 'moved', `${room.name} to ${m.log}`);
  },
  stale(m, room) {
    room.isStale = true;
    const since = isNum(m.since) ? ` since ${new Date(m.since).toLocaleTimeString()}` : '';
    notice('warn', 'stale', `${room.name}: no news${since}`);
  },
  fresh(m, room) {
    room.isStale = false;
    notice('good', 'fresh', room.name);
  },
  unsubscribed() {},
  draining(m) {
    link.delayMs = isNum(m.reconnect_ms) ? Math.min(Math.max(m.reconnect_ms, 0), 60000) : 0;
    notice('warn', 'draining', `the server stops; back in ${(link.delayMs / 1000).toFixed(1)} s`);
    setState('down', 'the server is draining');
  },
  error(m, room) {
    if (room) room.refused = m.code || 'error';
    notice('bad', m.code || 'error', `${m.room ? `${m.room}: ` : ''}${m.message || ''}`);
  },
};

function missing(room, text) {
  stats.missing++;
  notice('bad', 'missing', `${room.name}: ${text}`);
}

function onMessage(m) {
  const room = typeof m.room === 'string' ? rooms.get(m.room) : undefined;
  const handler = handlers[m.event];
  if (handler && (room || m.event === 'pong' || m.event === 'draining' || m.event === 'error'))
    handler(m, room);
  else if (!handler && room && isNum(m.pos)) onUpdate(m, room);
  if (room) hooks.room(room);
  hooks.changed();
}

/* The chain rule: nothing is missing between `last` and this update iff prev <= last < pos. */
function onUpdate(m, room) {
  if (!m.snapshot && room.last !== undefined) {
    const last = room.last === null ? -1 : room.last;
    if (m.pos <= last) missing(room, `position ${m.pos} came again after ${last}`);
    else if (isNum(m.prev) && m.prev > last)
      missing(room, `nothing told about (${last}, ${m.prev}]`);
    else stats.proved++;
  }
  room.last = m.snapshot || !isNum(room.last) ? m.pos : Math.max(room.last, m.pos);
  room.lastTs = m.ts;
  stats.updates++;
  room.inSecond++;
  if (!m.snapshot && isNum(m.ts) && clock.samples.length && m.pos > room.replayTo)
    latency.push(nowMs() + clock.offset - m.ts);
  hooks.value(room, m);
}

/* ---------------------------------------------------------------- latency */

/* Record time to here, by the server's clock. */
export const latency = {
  at: new Float64Array(LATENCY_SAMPLES_MAX),
  ms: new Float64Array(LATENCY_SAMPLES_MAX),
  next: 0,
  cnt: 0,
  push(ms) {
    this.at[this.next] = performance.now();
    this.ms[this.next] = ms;
    this.next = (this.next + 1) % LATENCY_SAMPLES_MAX;
    this.cnt = Math.min(this.cnt + 1, LATENCY_SAMPLES_MAX);
  },
  recent() {
    const since = performance.now() - LATENCY_WINDOW_MS;
    const out = [];
    for (let i = 0; i < this.cnt; i++) if (this.at[i] >= since) out.push(this.ms[i]);
    return Float64Array.from(out).sort();
  },
};
