import type { Connection } from '../buildkit/connect.ts';
import { unary } from '../buildkit/grpc/call.ts';
import { Control } from '../buildkit/methods.ts';
import { normalizePlatform } from '../model/platform.ts';

/** Asks a BuildKit for which platforms it runs programs, by emulation, too. Normalized, each once. @throws GrpcError */
export async function listPlatforms({ http2 }: Connection, signal: AbortSignal): Promise<readonly string[]> {
  const { record } = await unary(http2, Control.listWorkers, {}, signal);
  const platforms = record.flatMap((worker) =>
    worker.platforms.map(({ OS, Architecture, Variant }) =>
      normalizePlatform([OS, Architecture, Variant].filter(Boolean).join('/')),
    ),
  );
  return [...new Set(platforms)];
}
