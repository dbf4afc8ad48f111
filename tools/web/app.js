// SPDX-License-Identifier: Apache-2.0
/* The page at "/": what the feed brings, drawn. One frame draws whatever became dirty since the last
 * one. Prices are text and stay text; numbers are made of them only for the line and the change. */
import {
  ROOMS_MAX,
  clock,
  hooks,
  isNum,
  latency,
  link,
  makeFeedRoom,
  rooms,
  send,
  start,
  stats,
  subscribe,
  whole,
} from './feed.js';

const DEFAULT_SYMBOLS = [
  'BTCUSDT',
  'ETHUSDT',
  'SOLUSDT',
  'XRPUSDT',
  'BNBUSDT',
  'ADAUSDT',
  'DOGEUSDT',
  'AVAXUSDT',
  'LINKUSDT',
  'DOTUSDT',
  'LTCUSDT',
  'BCHUSDT',
];
const LINE_POINTS = 120;
const LINE_STEP_MS = 500;
const FLASH_MS = 90;
const MINE_MS = 10000;
const LOG_LINES_MAX = 200;
const LOG_SAME_MAX = 3; // of one kind in one frame; more are told as a number

const $ = (id) => document.getElementById(id);

function makeRoom(name, isAdded) {
  return Object.assign(makeFeedRoom(name), {
    isAdded,
    shapes: new Map(),
    total: 0,
    seenAt: 0,
    price: '',
    priceNum: NaN,
    firstNum: NaN,
    dir: 0,
    bid: '',
    ask: '',
    size: '',
    raw: '',
    decimals: 0,
    perSecond: 0,
    points: [],
    mine: '',
    mineUntil: 0,
    flash: 0,
    flashUntil: 0,
    row: null,
  });
}

/* ---------------------------------------------------------------- values */

const decimal = /^-?\d+(\.\d+)?$/;

function pick(d, ...names) {
  for (const n of names) {
    const v = d[n];
    if ((isNum(v) && Number.isFinite(v)) || (typeof v === 'string' && decimal.test(v)))
      return String(v);
  }
  return '';
}

/* Text in, text out: "61837.63000000" -> "61,837.63". */
function pretty(text, decimals) {
  if (!decimal.test(text)) return text;
  const [int, frac = ''] = text.split('.');
  const cut = frac.replace(/0+$/, '').padEnd(decimals, '0');
  return int.replace(/\B(?=(\d{3})+$)/g, ',') + (cut ? `.${cut}` : '');
}

function decimalsOf(text) {
  return (text.split('.')[1] || '').replace(/0+$/, '').length;
}

function takeValue(room, m) {
  let d = m.data;
  if (d && typeof d === 'object' && d.data && typeof d.data === 'object') d = d.data;
  const isObject = d !== null && typeof d === 'object';
  const text = isObject ? '' : pick({ d }, 'd');
  const bid = isObject ? pick(d, 'bid', 'b', 'best_bid') : '';
  const ask = isObject ? pick(d, 'ask', 'a', 'best_ask') : '';
  const price = (isObject ? pick(d, 'price', 'p', 'last', 'c', 'lastPrice', 'close') : text) || bid;
  noteMine(room, m, d, isObject, price);
  room.seenAt = performance.now();
  room.total++;
  room.raw = price ? '' : d === null ? 'cleared' : JSON.stringify(d).slice(0, 120);
  room.bid = bid || (price ? room.bid : '');
  room.ask = ask || (price ? room.ask : '');
  room.size = (isObject && pick(d, 'size', 'qty', 'q', 'Q', 'volume', 'v', 'B')) || '';
  room.decimals = Math.min(10, Math.max(room.decimals, 2, decimalsOf(price), decimalsOf(bid)));
  const num = price ? Number(price) : NaN;
  if (Number.isFinite(room.priceNum) && num !== room.priceNum) {
    room.dir = num > room.priceNum ? 1 : -1;
    room.flash = room.dir;
  }
  room.price = price;
  room.priceNum = num;
  if (!Number.isFinite(room.firstNum)) room.firstNum = num;
}

/* A tick that somebody published by hand: its fields differ from what the room usually carries, or
 * the room was added here and had been silent. */
function noteMine(room, m, d, isObject, price) {
  const shape = isObject ? Object.keys(d).join() : typeof d;
  const seen = (room.shapes.get(shape) || 0) + 1;
  if (seen > 1 || room.shapes.size < 16) room.shapes.set(shape, seen);
  if (m.snapshot || d === null) return;
  const isOdd = room.total >= 3 && seen <= 5 && room.shapes.size > 1;
  const isLone = room.isAdded && performance.now() - room.seenAt > 2000;
  if (!isOdd && !isLone) return;
  room.mine = price ? pretty(price, 2) : 'a value';
  room.mineUntil = performance.now() + MINE_MS;
  notice(
    'mine',
    'your tick',
    `${room.name} at ${whole.format(m.pos)}: ${JSON.stringify(d).slice(0, 160)}`,
  );
}

/* ---------------------------------------------------------------- view */

const view = {
  isScheduled: false,
  isHeadDirty: true,
  rooms: new Set(),
  flashing: new Set(),
  notices: [],
  rate: 0,
  secondAt: performance.now(),
  updatesAt: 0,
};

function schedule() {
  if (view.isScheduled) return;
  view.isScheduled = true;
  requestAnimationFrame(draw);
}

function dirty(room) {
  view.rooms.add(room);
  schedule();
}

function notice(kind, title, text) {
  view.notices.push({ kind, title, text, at: new Date() });
  if (view.notices.length > LOG_LINES_MAX) view.notices.shift();
  schedule();
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function makeRow(room) {
  const tr = document.createElement('tr');
  const cell = (cls, tag = 'td') => {
    const td = document.createElement(tag);
    td.className = cls;
    tr.append(td);
    return td;
  };
  const name = cell('name');
  const bold = document.createElement('b'),
    badge = document.createElement('span');
  const small = document.createElement('small');
  bold.textContent = room.name;
  badge.className = 'badge';
  name.append(bold, badge, small);
  const row = {
    tr,
    badge,
    small,
    price: cell('n price'),
    change: cell('n'),
    bid: cell('n c-quote'),
    ask: cell('n c-quote'),
    size: cell('n c-size'),
    rate: cell('n c-rate'),
  };
  row.canvas = document.createElement('canvas');
  row.canvas.setAttribute('role', 'img');
  row.canvas.setAttribute('aria-label', `line of ${room.name}`);
  cell('c-line').append(row.canvas);
  const drop = document.createElement('button');
  drop.type = 'button';
  drop.className = 'drop';
  drop.textContent = '×';
  drop.setAttribute('aria-label', `Remove ${room.name}`);
  drop.onclick = () => removeRoom(room);
  cell('n c-drop').append(drop);
  $('rows').append(tr);
  room.row = row;
}

function drawRoom(room, now) {
  const row = room.row;
  const isMine = room.mineUntil > now;
  const isEmpty = !room.price && !room.raw;
  setText(
    row.small,
    room.refused ? 'refused by the server' : isEmpty ? 'waiting for its first record' : '',
  );
  setText(
    row.badge,
    isMine ? `your tick ${room.mine}` : room.refused || (room.isStale ? 'stale' : ''),
  );
  row.tr.classList.toggle('mine', isMine);
  row.tr.classList.toggle('quiet', room.isStale || !!room.refused || link.state !== 'live');
  row.price.classList.toggle('raw', !!room.raw);
  const arrow = room.dir > 0 ? '▲ ' : room.dir < 0 ? '▼ ' : '';
  setText(row.price, room.raw || (room.price ? arrow + pretty(room.price, room.decimals) : '–'));
  setText(row.bid, room.bid ? pretty(room.bid, room.decimals) : '–');
  setText(row.ask, room.ask ? pretty(room.ask, room.decimals) : '–');
  setText(row.size, room.size ? pretty(room.size, 0) : '–');
  setText(row.rate, room.perSecond ? room.perSecond.toFixed(room.perSecond < 10 ? 1 : 0) : '0');
  const change = (room.priceNum / room.firstNum - 1) * 100;
  const isKnown = Number.isFinite(change);
  setText(row.change, isKnown ? `${change >= 0 ? '+' : '−'}${Math.abs(change).toFixed(2)}%` : '–');
  row.change.classList.toggle('pos', isKnown && change > 0);
  row.change.classList.toggle('neg', isKnown && change < 0);
  if (room.flash) {
    row.price.classList.remove('up', 'down');
    row.price.classList.add(room.flash > 0 ? 'up' : 'down');
    room.flash = 0;
    room.flashUntil = now + FLASH_MS;
    view.flashing.add(room);
  }
}

function drawLine(room) {
  const canvas = room.row.canvas,
    points = room.points;
  const w = canvas.clientWidth,
    h = canvas.clientHeight,
    scale = window.devicePixelRatio || 1;
  if (!w) return;
  if (canvas.width !== Math.round(w * scale)) {
    canvas.width = Math.round(w * scale);
    canvas.height = Math.round(h * scale);
  }
  const g = canvas.getContext('2d');
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, w, h);
  if (points.length < 2) return;
  const lo = Math.min(...points),
    span = Math.max(...points) - lo || 1;
  g.beginPath();
  points.forEach((p, i) => {
    const x = 1 + (i * (w - 3)) / (Math.max(points.length, 20) - 1),
      y = h - 2 - ((p - lo) / span) * (h - 4);
    if (i) g.lineTo(x, y);
    else g.moveTo(x, y);
  });
  g.strokeStyle = points[points.length - 1] >= points[0] ? '#37d39b' : '#ff7a85';
  g.lineWidth = 1.4;
  g.stroke();
}

function drawHead() {
  $('state').dataset.state = link.state;
  setText($('state-text'), link.stateText);
  setText($('total'), whole.format(stats.updates));
  setText($('proved'), stats.updates ? whole.format(stats.proved) : '–');
  setText($('proof-text'), `updates in unbroken chains, ${whole.format(stats.missing)} missing`);
  $('proof-card').dataset.ok = stats.missing ? 'no' : 'yes';
  setText($('gaps'), whole.format(stats.gaps));
  setText($('conflated'), whole.format(stats.conflated));
  setText($('stale'), String([...rooms.values()].filter((r) => r.isStale).length));
  setText($('reconnects'), String(stats.reconnects));
  setText($('resumed'), String(stats.resumed));
  setText($('room-cnt'), String(rooms.size));
}

/* Many rooms with the same news are one line, or the log would say nothing. */
function foldNotices(list) {
  const by = new Map(),
    out = [];
  for (const n of list) {
    const seen = by.get(n.title) || { cnt: 0, first: n };
    by.set(n.title, seen);
    if (++seen.cnt <= LOG_SAME_MAX || n.kind === 'mine') out.push(n);
    else seen.first.more = seen.cnt - LOG_SAME_MAX;
  }
  for (const n of out) if (n.more) n.text += `, and ${n.more} more`;
  return out;
}

function drawNotices() {
  const log = $('log');
  for (const n of foldNotices(view.notices.splice(0))) {
    const li = document.createElement('li'),
      time = document.createElement('time');
    const title = document.createElement('b');
    li.className = n.kind;
    time.textContent = n.at.toLocaleTimeString([], { hour12: false });
    title.textContent = n.title;
    li.append(time, title, n.text);
    log.prepend(li);
  }
  while (log.children.length > LOG_LINES_MAX) log.lastChild.remove();
}

function draw() {
  const now = performance.now();
  view.isScheduled = false;
  for (const room of view.rooms) if (room.row) drawRoom(room, now);
  view.rooms.clear();
  if (view.isHeadDirty) drawHead();
  view.isHeadDirty = false;
  drawNotices();
  for (const room of view.flashing) {
    if (room.flashUntil > now && room.row) continue;
    if (room.row) room.row.price.classList.remove('up', 'down');
    view.flashing.delete(room);
  }
  if (view.flashing.size) schedule();
}

const showMs = (ms) =>
  ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.max(ms, 0).toFixed(ms < 10 ? 1 : 0)} ms`;

setInterval(() => {
  // once a second: what needs a span of time
  const now = performance.now(),
    span = (now - view.secondAt) / 1000;
  view.rate = (stats.updates - view.updatesAt) / span;
  view.secondAt = now;
  view.updatesAt = stats.updates;
  for (const room of rooms.values()) {
    room.perSecond = room.perSecond * 0.5 + (room.inSecond / span) * 0.5;
    if (room.perSecond < 0.05) room.perSecond = 0;
    room.inSecond = 0;
    dirty(room);
  }
  setText($('rate'), whole.format(Math.round(view.rate)));
  const ms = latency.recent();
  for (const p of [50, 95, 99])
    setText(
      $(`p${p}`),
      ms.length ? showMs(ms[Math.min(ms.length - 1, Math.floor((ms.length * p) / 100))]) : '–',
    );
  if (clock.samples.length)
    setText(
      $('clock'),
      `clock shifted ${clock.offset.toFixed(1)} ms, ping ${showMs(clock.rtt)}`,
    );
  view.isHeadDirty = true;
}, 1000);

setInterval(() => {
  for (const room of rooms.values()) {
    if (!Number.isFinite(room.priceNum) || !room.row) continue;
    room.points.push(room.priceNum);
    if (room.points.length > LINE_POINTS) room.points.shift();
    drawLine(room);
  }
}, LINE_STEP_MS);

/* ---------------------------------------------------------------- page */

hooks.changed = () => {
  view.isHeadDirty = true;
  schedule();
};
hooks.room = dirty;
hooks.value = takeValue;
hooks.notice = notice;
hooks.again = () => loadPage().then(showPage); // the server may be a new one with another kcat line

function addRoom(name, isAdded) {
  if (rooms.has(name) || rooms.size >= ROOMS_MAX) return null;
  const room = makeRoom(name, isAdded);
  rooms.set(name, room);
  makeRow(room);
  dirty(room);
  return room;
}

function removeRoom(room) {
  rooms.delete(room.name);
  room.row.tr.remove();
  room.row = null;
  send({ event: 'unsubscribe', data: { rooms: [room.name] } });
  keepHash();
}

/* The rooms are kept in the address, so that a reload or a shared link shows the same. */
function keepHash() {
  history.replaceState(null, '', `#${[...rooms.keys()].map(encodeURIComponent).join(',')}`);
}

function hashRooms() {
  try {
    return location.hash.slice(1).split(',').map(decodeURIComponent).filter(Boolean);
  } catch (_) {
    return []; // a hash that is not ours
  }
}

async function loadPage() {
  try {
    const response = await fetch('page.json', { cache: 'no-store' });
    return response.ok ? await response.json() : {};
  } catch (_) {
    return {};
  }
}

function showPage(page) {
  if (typeof page.title === 'string' && page.title) {
    setText($('title'), page.title);
    document.title = page.title;
  }
  const kcat = typeof page.kcat === 'string' ? page.kcat : '';
  setText($('kcat'), kcat);
  $('try').hidden = !kcat;
}

$('add').onsubmit = (e) => {
  e.preventDefault();
  const name = $('room').value.trim();
  if (!name) return;
  const room = addRoom(name, true);
  if (room) {
    subscribe([room]);
    keepHash();
  } else {
    notice(
      'warn',
      'not added',
      rooms.has(name) ? `${name} is here already` : `no more than ${ROOMS_MAX} rooms`,
    );
  }
  $('room').value = '';
};
$('clear').onclick = () => $('log').replaceChildren();
$('copy').onclick = async () => {
  try {
    await navigator.clipboard.writeText($('kcat').textContent);
    setText($('copy'), 'Copied');
  } catch (_) {
    // no clipboard without https or localhost: select it instead
    getSelection().selectAllChildren($('kcat'));
    setText($('copy'), 'Selected');
  }
  setTimeout(() => setText($('copy'), 'Copy'), 1500);
};

loadPage().then((page) => {
  showPage(page);
  const served = Array.isArray(page.rooms) ? page.rooms.filter((r) => typeof r === 'string') : [];
  const base = served.length ? served : DEFAULT_SYMBOLS.map((s) => `ticker-${s}`);
  const hash = hashRooms();
  for (const name of hash.length ? hash : base)
    addRoom(name, hash.length > 0 && !base.includes(name));
  start();
});
