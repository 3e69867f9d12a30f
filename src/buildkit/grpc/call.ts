import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type MessageStream, messagesOf } from './messages.ts';
import { Code, GrpcError, type Headers, NoStatus, statusOf } from './status.ts';

/** A method of a service: its path and its messages. */
export interface Method<Request extends DescMessage, Response extends DescMessage> {
  /** For example `/moby.buildkit.v1.Control/Solve`. */
  readonly path: string;
  readonly request: Request;
  readonly response: Response;
}

/** A call that runs. */
export interface Call<Received, Sent> extends MessageStream<Received, Sent> {
  /** Ends our side: no more messages are sent. */
  end(): void;
  /** Cancels the call with RST_STREAM. Its status becomes `cancelled`. */
  cancel(): void;
  /** Resolves when the call ended with OK. @throws GrpcError otherwise */
  readonly status: Promise<void>;
}

/** Calls a method with messages in both directions. Header values may be repeated. */
export function startCall<Request extends DescMessage, Response extends DescMessage>(
  session: ClientHttp2Session,
  method: Method<Request, Response>,
  headers: Readonly<Record<string, string | string[]>> = {},
): Call<MessageShape<Response>, MessageInitShape<Request>> {
  const stream = request(session, method.path, headers);
  const { send, receive } = messagesOf(stream, method.response, method.request);
  let isCancelled = false;
  const status = statusFrom(stream, () => isCancelled);
  return {
    send,
    receive: () => untilStatus(receive(), status),
    status,
    end: () => void stream.end(),
    cancel: () => {
      isCancelled = true;
      stream.close(constants.NGHTTP2_CANCEL);
    },
  };
}

/** Calls a method that takes one message and answers with any number of messages. @throws GrpcError */
export async function* serverStream<Request extends DescMessage, Response extends DescMessage>(
  session: ClientHttp2Session,
  method: Method<Request, Response>,
  message: MessageInitShape<Request>,
  signal?: AbortSignal,
): AsyncGenerator<MessageShape<Response>> {
  signal?.throwIfAborted();
  const call = startCall(session, method);
  signal?.addEventListener('abort', call.cancel, { once: true });
  try {
    await sendOnly(call, message);
    yield* call.receive();
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', call.cancel);
    call.cancel();
  }
}

/** Calls a method that takes and answers with one message. An abort cancels it. @throws GrpcError; the signal's reason */
export async function unary<Request extends DescMessage, Response extends DescMessage>(
  session: ClientHttp2Session,
  method: Method<Request, Response>,
  message: MessageInitShape<Request>,
  signal?: AbortSignal,
): Promise<MessageShape<Response>> {
  // The status comes after the message, so the stream is read to its end.
  let answer: MessageShape<Response> | undefined;
  for await (const response of serverStream(session, method, message, signal)) answer ??= response;
  if (answer === undefined) throw new GrpcError(Code.internal, `${method.path} ended without an answer`);
  return answer;
}

async function sendOnly<Sent>(call: Call<unknown, Sent>, message: Sent): Promise<void> {
  try {
    await call.send(message);
  } catch (error) {
    // A call that was refused is closed while we send: its status says why.
    await call.status;
    throw error;
  }
  call.end();
}

function request(
  session: ClientHttp2Session,
  path: string,
  headers: Readonly<Record<string, string | string[]>>,
): ClientHttp2Stream {
  try {
    return session.request(
      {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      },
      { endStream: false },
    );
  } catch (error) {
    // The session is closed or has received GOAWAY.
    throw new NoStatus((error as Error).message);
  }
}

/** Settles with the status in the trailers, or in the headers if the call has no other response. */
function statusFrom(stream: ClientHttp2Stream, isCancelled: () => boolean): Promise<void> {
  const status = new Promise<void>((resolve, reject) => {
    let headers: Headers = {};
    let trailers: Headers | undefined;
    let failure: Error | undefined;
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('error', (error) => {
      failure = error;
    });
    // A call is over when the peer ends its side, whatever we still meant to send.
    stream.on('end', () => void stream.end());
    stream.on('close', () => {
      const end = trailers ?? headers;
      const hasStatus = end['grpc-status'] !== undefined;
      const error =
        hasStatus || failure === undefined ? statusOf(end) : new NoStatus(failure.message, failure);
      if (error === undefined) resolve();
      else if (!hasStatus && isCancelled()) reject(new GrpcError(Code.cancelled, 'the call was cancelled'));
      else reject(error);
    });
  });
  // Not every caller waits for the status.
  status.catch(() => undefined);
  return status;
}

/** Ends or fails with the status of the call, which says more than an error of the stream. */
async function* untilStatus<Message>(
  received: AsyncIterable<Message>,
  status: Promise<void>,
): AsyncGenerator<Message> {
  try {
    yield* received;
  } catch (error) {
    if (!(error instanceof GrpcError)) await status;
    throw error;
  }
  await status;
}
