// A Dockerfile frontend in an image: it passes everything on to the engine's own (moby/buildkit frontend/gateway/pb/gateway.proto).
// BuildKit runs it as a gateway frontend, and speaks gRPC over its standard streams.
import { connect } from 'node:http2';
import { Duplex } from 'node:stream';

const socket = Duplex.from({ readable: process.stdin, writable: process.stdout });
const session = connect('http://engine', { createConnection: () => socket });

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}
const bytesField = (number, bytes) => Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
const textField = (number, text) => bytesField(number, Buffer.from(text));
const numberField = (number, value) => Buffer.concat([varint(number << 3), varint(value)]);

/** Calls a method with an encoded message. */
async function call(method, message) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const stream = session.request({
    ':method': 'POST',
    ':path': `/moby.buildkit.v1.frontend.LLBBridge/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let end = {};
  for (const event of ['response', 'trailers']) stream.on(event, (headers) => (end = { ...end, ...headers }));
  stream.end(Buffer.concat([head, message]));
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return { end, body: Buffer.concat(chunks).subarray(head.length) };
}

const options = Object.entries(process.env)
  .filter(([name]) => name.startsWith('BUILDKIT_FRONTEND_OPT_'))
  .map(([, value]) => [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)])
  .filter(([name]) => name !== 'source');
const { end, body } = await call(
  'Solve',
  Buffer.concat([
    textField(2, 'dockerfile.v0'),
    ...options.map(([name, value]) =>
      bytesField(3, Buffer.concat([textField(1, name), textField(2, value)])),
    ),
    numberField(5, 1),
    numberField(6, 1),
  ]),
);
const code = Number(end['grpc-status']);
const details = end['grpc-status-details-bin'];
const status =
  details === undefined
    ? Buffer.concat([numberField(1, code), textField(2, decodeURIComponent(end['grpc-message'] ?? ''))])
    : Buffer.from(details, 'base64');
// The result is field 3 of the answer, and field 1 of what is returned.
const result = Buffer.concat([varint((1 << 3) | 2), body.subarray(1)]);
await call('Return', code === 0 ? result : bytesField(2, status));
process.exit(0);
