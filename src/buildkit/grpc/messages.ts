import type { Http2Stream } from 'node:http2';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { frameOf, frameReader } from './frames.ts';
import { Code, GrpcError } from './status.ts';

/** The messages of a call in both directions. */
export interface MessageStream<Received, Sent> {
  /** Sends a message. Resolves when the peer can take another one. @throws GrpcError if the stream is closed */
  send(message: Sent): Promise<void>;
  /**
   * Yields the messages of the peer until it ends its side. They are not read faster than they are consumed. May be called once.
   * @throws if the call ends in any other way
   */
  receive(): AsyncIterable<Received>;
}

/** Returns the typed messages of an HTTP/2 stream. */
export function messagesOf<In extends DescMessage, Out extends DescMessage>(
  stream: Http2Stream,
  receives: In,
  sends: Out,
): MessageStream<MessageShape<In>, MessageInitShape<Out>> {
  return {
    send: (message) => sendMessage(stream, encode(sends, message)),
    receive: () => decoded(stream, receives),
  };
}

export function encode<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Uint8Array {
  return toBinary(schema, create(schema, message), { writeUnknownFields: false });
}

/** Sends one message. Resolves when the stream can take another one. */
export async function sendMessage(stream: Http2Stream, message: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.closed || stream.writableEnded) throw closed();
  const [head, ...body] = frameOf(message);
  if (stream.writableCorked === 0) {
    stream.cork();
    process.nextTick(() => stream.uncork());
  }
  let isReady = stream.write(head);
  for (const part of body) isReady = stream.write(part);
  if (!isReady) await drained(stream);
}

function drained(stream: Http2Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => (): void => {
      stream.off('drain', onDrain);
      stream.off('close', onClose);
      action();
    };
    const onDrain = settle(resolve);
    const onClose = settle(() => reject(closed()));
    stream.on('drain', onDrain);
    stream.on('close', onClose);
  });
}

function closed(): GrpcError {
  return new GrpcError(Code.cancelled, 'the call was closed while messages were sent');
}

/** Reads the messages of a stream. The stream stays open at the end: trailers are still to come. */
async function* decoded<Desc extends DescMessage>(
  stream: Http2Stream,
  schema: Desc,
): AsyncGenerator<MessageShape<Desc>> {
  const reader = frameReader();
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (const message of reader.push(chunk)) yield fromBinary(schema, message, { readUnknownFields: false });
  }
  if (reader.isInsideMessage()) throw new GrpcError(Code.internal, 'the stream ended inside a message');
}
