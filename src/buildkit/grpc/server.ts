import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { Method } from './call.ts';
import { type MessageStream, messagesOf } from './messages.ts';
import { type Metadata, metadataOf } from './metadata.ts';
import { Code, encodeMessage, GrpcError } from './status.ts';

/** Answers the calls of one method. */
export interface Handler {
  readonly path: string;
  /** Resolves when the call ends with OK. A GrpcError decides another status; other errors end it with `unknown`. */
  handle(stream: ServerHttp2Stream, metadata: Metadata): Promise<void>;
}

/** Returns a handler of a method that takes and answers with one message. */
export function answering<Request extends DescMessage, Response extends DescMessage>(
  method: Method<Request, Response>,
  answer: (
    request: MessageShape<Request>,
  ) => MessageInitShape<Response> | Promise<MessageInitShape<Response>>,
): Handler {
  return streaming(method, async (stream) => {
    for await (const request of stream.receive()) return await stream.send(await answer(request));
    throw new GrpcError(Code.internal, 'the call has no message');
  });
}

/** Returns a handler of a method with messages in both directions. */
export function streaming<Request extends DescMessage, Response extends DescMessage>(
  method: Method<Request, Response>,
  handle: (
    stream: MessageStream<MessageShape<Request>, MessageInitShape<Response>>,
    metadata: Metadata,
  ) => Promise<void>,
): Handler {
  return {
    path: method.path,
    handle: (stream, metadata) => {
      const { send, receive } = messagesOf(stream, method.request, method.response);
      return handle({ send, receive: () => untilClosed(stream, receive()) }, metadata);
    },
  };
}

/** A call that the peer gives up, or whose connection ends, is cancelled. Node's error would read like one of ours. */
async function* untilClosed<Message>(
  stream: ServerHttp2Stream,
  received: AsyncIterable<Message>,
): AsyncGenerator<Message> {
  try {
    yield* received;
  } catch (error) {
    if (error instanceof GrpcError || !stream.destroyed) throw error;
    throw new GrpcError(Code.cancelled, 'the call was closed while messages were received');
  }
}

/** Serves methods on an HTTP/2 connection. Calls of other methods end with `unimplemented`. */
export function serve(session: ServerHttp2Session, handlers: readonly Handler[]): void {
  const byPath = new Map(handlers.map((handler) => [handler.path, handler]));
  const onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders: readonly string[],
  ): void => {
    // A call that the peer gives up is not an error of ours; the handler sees that the stream is closed.
    stream.on('error', () => undefined);
    const path = String(headers[':path']);
    void respond(stream, byPath.get(path) ?? unknownMethod(path), metadataOf(rawHeaders));
  };
  // The types of Node 20 lack the raw headers.
  session.on('stream', onStream as (stream: ServerHttp2Stream) => void);
}

async function respond(stream: ServerHttp2Stream, handler: Handler, metadata: Metadata): Promise<void> {
  try {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    await handler.handle(stream, metadata);
    endWith(stream, { 'grpc-status': String(Code.ok) });
  } catch (error) {
    const { code, message } = error instanceof GrpcError ? error : asUnknown(error);
    endWith(stream, { 'grpc-status': String(code), 'grpc-message': encodeMessage(shortened(message)) });
  }
}

function endWith(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  if (stream.destroyed || stream.closed) return;
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
  // What the peer still sends is dropped. It closes its side when it has read the trailers.
  stream.resume();
}

function unknownMethod(path: string): Handler {
  return {
    path,
    handle: () => Promise.reject(new GrpcError(Code.unimplemented, `unknown method ${path}`)),
  };
}

function asUnknown(error: unknown): GrpcError {
  return new GrpcError(Code.unknown, error instanceof Error ? error.message : String(error));
}

/** Trailers must stay well below the limit of HTTP/2 implementations. */
const maxMessageLength = 4_000;

function shortened(message: string): string {
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message;
}
