import type { Connection } from './connect.ts';
import { EngineLost } from './engine-lost.ts';

/** How often is looked whether something was received, per limit. */
const looks = 12;

/**
 * Watches a connection. `lost` rejects when nothing was received for `limit` milliseconds. Engines check the health of a session every
 * 5 s (moby/buildkit session/grpc.go), so a long RUN without output is not silence. Looks are counted, not time: a machine that was
 * suspended continues where it was.
 */
export function watchSilence(
  connection: Pick<Connection, 'bytesRead'>,
  limit: number,
): { readonly lost: Promise<never>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const lost = new Promise<never>((_, reject) => {
    let known = connection.bytesRead();
    let unchanged = 0;
    timer = setInterval(() => {
      const now = connection.bytesRead();
      unchanged = now === known ? unchanged + 1 : 0;
      known = now;
      if (unchanged < looks) return;
      clearInterval(timer);
      reject(new EngineLost('silent', `the engine sent nothing for ${Math.round(limit / 1000)} s`));
    }, limit / looks);
  });
  lost.catch(() => undefined);
  return { lost, stop: () => clearInterval(timer) };
}
