import type { Connection } from './connect.ts';
import { unary } from './grpc/call.ts';
import { GrpcError, NoStatus } from './grpc/status.ts';
import { Health } from './methods.ts';
import { pause } from './pause.ts';

/**
 * Resolves when Node has given up a connection without saying so: HTTP/2 headers of more than 64 KB end it inside of nghttp2, and in
 * Node 20 no event tells. An error of BuildKit contains the Dockerfile, so its trailers may be that long. Such a connection sends
 * nothing any more: a health check of ours does not leave. While a transfer of files is held back, this could also be an
 * engine that does not read, so it is not looked at then.
 */
export async function untilUnreadable(
  connection: Connection,
  isHeldBack: () => boolean,
  interval: number,
  signal: AbortSignal,
): Promise<void> {
  for (let stuck = 0; stuck < 2; ) {
    const written = connection.bytesWritten();
    let isAnswered = false;
    unary(connection.http2, Health.check, {}, AbortSignal.timeout(2 * interval)).then(
      () => {
        isAnswered = true;
      },
      (error) => {
        // An error from the engine is an answer, too.
        isAnswered = error instanceof GrpcError && !(error instanceof NoStatus);
      },
    );
    await pause(interval, signal);
    const isStuck = !isAnswered && connection.bytesWritten() === written && !isHeldBack();
    stuck = isStuck ? stuck + 1 : 0;
  }
}
