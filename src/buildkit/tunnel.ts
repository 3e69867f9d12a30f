import { Duplex } from 'node:stream';
import type { Call } from './grpc/call.ts';

/** Engines take messages of up to 4 MB at least; smaller ones let other streams have their turn. */
const maxMessageLength = 1 << 20;
/** How many bytes are read ahead of the HTTP/2 server, and written ahead of the call. */
const readAhead = 1 << 20;
const writeAhead = 64 << 10;

interface Bytes {
  readonly data: Uint8Array;
}

/**
 * Returns a stream whose bytes travel in the messages of a call: moby/buildkit session/grpchijack does the same at the engine's end
 * of Control/Session. Nothing is read or written faster than the other side takes it.
 */
export function tunnelThrough(call: Call<Bytes, Bytes>): Duplex {
  const received = call.receive()[Symbol.asyncIterator]();
  const duplex = new Duplex({
    readableHighWaterMark: readAhead,
    writableHighWaterMark: writeAhead,
    read() {
      nextBytes(received).then(
        (data) => void duplex.push(data ?? null),
        (error: Error) => void duplex.destroy(error),
      );
    },
    write(chunk: Buffer, _encoding, done) {
      sendPieces(call, chunk).then(() => done(), done);
    },
    writev(chunks, done) {
      sendPieces(call, Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer))).then(() => done(), done);
    },
    final(done) {
      call.end();
      done();
    },
    destroy(error, done) {
      call.cancel();
      done(error);
    },
  });
  return duplex;
}

async function sendPieces(call: Call<Bytes, Bytes>, data: Uint8Array): Promise<void> {
  for (let start = 0; start < data.length; start += maxMessageLength) {
    await call.send({ data: data.subarray(start, start + maxMessageLength) });
  }
}

/** Skips empty messages, because a stream does not ask for more after an empty chunk. */
async function nextBytes(received: AsyncIterator<Bytes>): Promise<Uint8Array | undefined> {
  for (;;) {
    const { done, value } = await received.next();
    if (done === true) return undefined;
    if (value.data.length > 0) return value.data;
  }
}
