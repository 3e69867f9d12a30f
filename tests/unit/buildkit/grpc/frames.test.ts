import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { frameOf, frameReader } from '../../../../src/buildkit/grpc/frames.ts';
import { metadataOf } from '../../../../src/buildkit/grpc/metadata.ts';
import { encodeMessage, GrpcError, NoStatus, statusOf } from '../../../../src/buildkit/grpc/status.ts';

const test = suite('gRPC frames and statuses');

test('messages are found wherever the chunks begin and end', () => {
  const messages = ['', 'a', 'b'.repeat(20_000), 'ccc'].map((text) => Buffer.from(text));
  const bytes = Buffer.concat(messages.flatMap(frameOf));
  for (const size of [1, 2, 5, 7, 4096, bytes.length]) {
    const reader = frameReader();
    const found: string[] = [];
    for (let start = 0; start < bytes.length; start += size) {
      found.push(
        ...reader.push(bytes.subarray(start, start + size)).map((each) => Buffer.from(each).toString()),
      );
    }
    assert.equal(found, messages.map(String));
    assert.not(reader.isInsideMessage());
  }
});

test('a stream that ends inside a message is noticed', () => {
  const reader = frameReader();
  reader.push(Buffer.concat(frameOf(Buffer.from('abc'))).subarray(0, 6));
  assert.ok(reader.isInsideMessage());
});

test('bytes that are not gRPC are refused', () => {
  assert.throws(() => frameReader().push(Buffer.from('HTTP/1.1 400 Bad Request')), /compressed/);
  assert.throws(() => frameReader().push(Buffer.from([0, 255, 255, 255, 255])), /4294967295 bytes/);
});

test('a status has its message, whatever characters it contains', () => {
  const text = 'é 100% "x"\n\t😀';
  const error = statusOf({ 'grpc-status': '5', 'grpc-message': encodeMessage(text) });
  assert.instance(error, GrpcError);
  assert.equal([error?.code, error?.message], [5, text]);
  assert.match(encodeMessage(text), /^[\x20-\x7e]*$/);
  assert.is(statusOf({ 'grpc-status': '2', 'grpc-message': '100% %zz' })?.message, '100% %zz');
  assert.is(statusOf({ 'grpc-status': '0' }), undefined);
});

test('details that cannot be decoded do not hide the error; a missing status is one', () => {
  const error = statusOf({ 'grpc-status': '2', 'grpc-message': 'm', 'grpc-status-details-bin': '////' });
  assert.equal([error?.message, error?.details], ['m', []]);
  assert.instance(statusOf({ ':status': 404 }), NoStatus);
});

test('repeated headers keep their values', () => {
  const metadata = metadataOf(['Followpaths', 'a, b', 'followpaths', 'c', 'x', '1']);
  assert.equal(metadata.get('followpaths'), ['a, b', 'c']);
  assert.equal(metadata.get('x'), ['1']);
});

test.run();
