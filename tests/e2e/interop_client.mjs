// SPDX-License-Identifier: Apache-2.0
/* @grpc/grpc-js as a client of the interoperability cases: node interop_client.mjs FOLDER HOST:PORT [CA] [CASE...]
 * FOLDER holds test.proto; CA is a file of certificates ("-": without TLS). Prints one line of JSON per case, with
 * the key fault where one failed; exit code 0 if none did. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [folder, target, ca = '-', ...wanted] = process.argv.slice(2);
const definition = loader.loadSync(join(folder, 'test.proto'), { keepCase: true, defaults: true });
const testing = grpc.loadPackageDefinition(definition).grpc.testing;
const credentials = ca === '-' ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(readFileSync(ca));
const stub = new testing.TestService(target, credentials);

const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const INITIAL = 'x-grpc-test-echo-initial', TRAILING = 'x-grpc-test-echo-trailing-bin';
const { OK, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, CANCELLED, UNIMPLEMENTED } = grpc.status;
const GZIP = 2;

function equal(found, want, what) {
  if (found !== want) throw new Error(`${what}: ${JSON.stringify(found)}, wanted ${JSON.stringify(want)}`);
}

const soon = (ms = 20000) => ({ deadline: Date.now() + ms });
const payload = (size) => ({ body: Buffer.alloc(size) });
const output = (sizes, body = 0) => ({ response_parameters: sizes.map((size) => ({ size })), payload: payload(body) });

function zeros(found, size) {
  equal(found.payload.body.length, size, 'size of the payload');
  equal(found.payload.body.every((b) => b === 0), true, 'payload of zeros');
}

/* {error, answer, call, head, status} of a call with one answer. */
function unary(client, method, request, metadata = new grpc.Metadata()) {
  return new Promise((resolve) => {
    const found = {};
    const call = client[method](request, metadata, soon(), (error, answer) => {
      Object.assign(found, { error, answer, call });
    });
    call.on('metadata', (m) => { found.head = m; });
    call.on('status', (s) => { found.status = s; setImmediate(() => resolve(found)); });
  });
}

/* What a call with many answers has said, and what to wait for. */
function reading(call) {
  const got = { answers: [], head: null };
  let wake = () => {};
  call.on('data', (m) => { got.answers.push(m); wake(); });
  call.on('metadata', (m) => { got.head = m; });
  call.on('error', () => {});
  got.status = new Promise((resolve) => call.on('status', resolve));
  got.count = async (cnt) => {
    while (got.answers.length < cnt) {
      const ended = await Promise.race([new Promise((resolve) => { wake = resolve; }), got.status]);
      if (ended && got.answers.length < cnt) throw new Error(`ended with ${ended.code} ${ended.details}`);
    }
  };
  return got;
}

function summing() {
  let call;
  const result = new Promise((resolve) => {
    call = stub.StreamingInputCall(soon(), (error, answer) => resolve({ error, answer }));
  });
  return { call, result };
}

async function ended(got, code, details) {
  const status = await got.status;
  equal(status.code, code, `status (${status.details})`);
  if (details !== undefined) equal(status.details, details, 'message');
}

async function refused(client, method, request, code, details) {
  const { status } = await unary(client, method, request);
  equal(status.code, code, `status (${status.details})`);
  if (details !== undefined) equal(status.details, details, 'message');
}

async function large(request, client = stub) {
  const { error, answer } = await unary(client, 'UnaryCall', { response_size: 314159, payload: payload(271828), ...request });
  if (error) throw error;
  zeros(answer, 314159);
}

/* One that compresses what it sends. */
async function withGzip(work) {
  const client = new testing.TestService(target, credentials, { 'grpc.default_compression_algorithm': GZIP });
  try { await work(client); } finally { client.close(); }
}

const cases = {
  async empty_unary() {
    const { error } = await unary(stub, 'EmptyCall', {});
    if (error) throw error;
  },

  large_unary: () => large({}),

  async client_streaming() {
    const { call, result } = summing();
    for (const size of REQUEST_SIZES) call.write({ payload: payload(size) });
    call.end();
    const { error, answer } = await result;
    if (error) throw error;
    equal(answer.aggregated_payload_size, REQUEST_SIZES.reduce((a, b) => a + b), 'sum');
  },

  async server_streaming() {
    const got = reading(stub.StreamingOutputCall(output(RESPONSE_SIZES), soon()));
    await ended(got, OK);
    equal(got.answers.length, RESPONSE_SIZES.length, 'answers');
    got.answers.forEach((m, i) => zeros(m, RESPONSE_SIZES[i]));
  },

  async ping_pong() {
    const call = stub.FullDuplexCall(soon());
    const got = reading(call);
    for (const [i, size] of RESPONSE_SIZES.entries()) {
      call.write(output([size], REQUEST_SIZES[i]));
      await got.count(i + 1);
      zeros(got.answers[i], size);
    }
    call.end();
    await ended(got, OK);
    equal(got.answers.length, RESPONSE_SIZES.length, 'answers');
  },

  async empty_stream() {
    const call = stub.FullDuplexCall(soon());
    const got = reading(call);
    call.end();
    await ended(got, OK);
    equal(got.answers.length, 0, 'answers');
  },

  async timeout_on_sleeping_server() {
    const call = stub.FullDuplexCall(soon(1));
    const got = reading(call);
    call.write(output([], 27182));
    await ended(got, DEADLINE_EXCEEDED);
  },

  async cancel_after_begin() {
    const { call, result } = summing();
    call.cancel();
    equal((await result).error?.code, CANCELLED, 'status');
  },

  async cancel_after_first_response() {
    const call = stub.FullDuplexCall(soon());
    const got = reading(call);
    call.write(output([31415], 27182));
    await got.count(1);
    zeros(got.answers[0], 31415);
    call.cancel();
    await ended(got, CANCELLED);
  },

  async status_code_and_message() {
    const status = { code: UNKNOWN, message: 'test status message' };
    await refused(stub, 'UnaryCall', { response_status: status }, UNKNOWN, status.message);
    const call = stub.FullDuplexCall(soon());
    const got = reading(call);
    call.write({ response_status: status });
    call.end();
    await ended(got, UNKNOWN, status.message);
  },

  async special_status_message() {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';
    await refused(stub, 'UnaryCall', { response_status: { code: UNKNOWN, message } }, UNKNOWN, message);
  },

  async custom_metadata() {
    const initial = 'test_initial_metadata_value', trailing = Buffer.from([10, 11, 10, 11, 10, 11]);
    const metadata = new grpc.Metadata();
    metadata.set(INITIAL, initial);
    metadata.set(TRAILING, trailing);
    const echoed = (head, tail) => {
      equal(String(head.get(INITIAL)), initial, 'initial metadata');
      equal(Buffer.concat(tail.get(TRAILING)).toString('hex'), trailing.toString('hex'), 'trailing metadata');
    };
    const { error, answer, head, status } = await unary(stub, 'UnaryCall', { response_size: 1, payload: payload(1) }, metadata);
    if (error) throw error;
    zeros(answer, 1);
    echoed(head, status.metadata);
    const call = stub.FullDuplexCall(metadata, soon());
    const got = reading(call);
    call.write(output([1], 1));
    call.end();
    await ended(got, OK);
    equal(got.answers.length, 1, 'answers');
    zeros(got.answers[0], 1);
    echoed(got.head, (await got.status).metadata);
  },

  unimplemented_method: () => refused(stub, 'UnimplementedCall', {}, UNIMPLEMENTED),

  async unimplemented_service() {
    const other = new testing.UnimplementedService(target, credentials);
    await refused(other, 'UnimplementedCall', {}, UNIMPLEMENTED);
    other.close();
  },

  /* A lie about compression is found out; the truth passes, both ways. */
  async client_compressed_unary() {
    const request = { response_size: 314159, payload: payload(271828), expect_compressed: { value: true } };
    await refused(stub, 'UnaryCall', request, INVALID_ARGUMENT);
    await withGzip((client) => large({ expect_compressed: { value: true } }, client));
    await large({ expect_compressed: { value: false } });
  },

  async server_compressed_unary() {
    for (const value of [true, false]) await large({ response_compressed: { value } });
  },

  async server_compressed_streaming() {
    const sizes = [31415, 92653];
    const request = output(sizes);
    request.response_parameters.forEach((row, i) => { row.compressed = { value: i === 0 }; });
    const got = reading(stub.StreamingOutputCall(request, soon()));
    await ended(got, OK);
    equal(got.answers.length, 2, 'answers');
    got.answers.forEach((m, i) => zeros(m, sizes[i]));
  },
};

let bad = 0;
await new Promise((resolve, reject) => stub.waitForReady(Date.now() + 20000, (e) => (e ? reject(e) : resolve())));
for (const [name, work] of Object.entries(cases)) {
  if (wanted.length && !wanted.includes(name)) continue;
  const begin = Date.now(), line = { case: name };
  try {
    await work();
  } catch (error) {
    line.fault = String(error.message ?? error).slice(0, 400);
    bad++;
  }
  line.ms = Date.now() - begin;
  console.log(JSON.stringify(line));
}
stub.close();
process.exit(bad ? 1 : 0);
