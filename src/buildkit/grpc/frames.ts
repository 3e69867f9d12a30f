import { Code, GrpcError } from './status.ts';

/** A flag byte and the message's length, before each message (grpc/grpc doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
const prefixLength = 5;
/** No message of the protocol is longer. A greater length means that the stream is not gRPC. */
const maxMessageLength = 256 << 20;
/** Shorter messages are copied behind their prefix: one write is cheaper than two. */
const maxCopied = 16 << 10;

/** Returns the buffers to write for a message. */
export function frameOf(message: Uint8Array): Uint8Array[] {
  const isCopied = message.length <= maxCopied;
  const head = Buffer.allocUnsafe(prefixLength + (isCopied ? message.length : 0));
  head[0] = 0;
  head.writeUInt32BE(message.length, 1);
  if (!isCopied) return [head, message];
  head.set(message, prefixLength);
  return [head];
}

/** Splits the bytes of a stream into messages, wherever its chunks begin and end. */
export interface FrameReader {
  /** Returns the messages that are complete now. @throws GrpcError if the bytes are not gRPC */
  push(chunk: Uint8Array): Uint8Array[];
  /** Whether the bytes end inside a message. */
  isInsideMessage(): boolean;
}

export function frameReader(): FrameReader {
  let chunks: Uint8Array[] = [];
  let available = 0;
  let bodyLength: number | undefined;

  const take = (length: number): Uint8Array => {
    const [first = new Uint8Array()] = chunks;
    const source = first.length >= length ? first : Buffer.concat(chunks);
    const rest = source.subarray(length);
    chunks = [...(rest.length > 0 ? [rest] : []), ...(source === first ? chunks.slice(1) : [])];
    available -= length;
    return source.subarray(0, length);
  };

  return {
    push(chunk) {
      if (chunk.length > 0) chunks.push(chunk);
      available += chunk.length;
      const messages: Uint8Array[] = [];
      while (available >= (bodyLength ?? prefixLength)) {
        if (bodyLength === undefined) bodyLength = lengthIn(take(prefixLength));
        else {
          messages.push(take(bodyLength));
          bodyLength = undefined;
        }
      }
      return messages;
    },
    isInsideMessage: () => available > 0 || bodyLength !== undefined,
  };
}

function lengthIn(prefix: Uint8Array): number {
  // We never offer a compression, so the peer may not use one.
  if (prefix[0] !== 0) throw new GrpcError(Code.internal, 'received a compressed gRPC message');
  const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(1);
  if (length > maxMessageLength)
    throw new GrpcError(Code.resourceExhausted, `received a gRPC message of ${length} bytes`);
  return length;
}
