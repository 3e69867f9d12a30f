import { GrpcError } from './grpc/status.ts';
import type { PacketInit, PacketStream } from './packets.ts';
import type { BuildServices } from './services.ts';

/** The file transfers of a build. */
export interface Transfers {
  /** The services, with their transfers recorded. */
  readonly services: BuildServices;
  /** Whether a transfer waits until the engine takes more. */
  isHeldBack(): boolean;
  /** Resolves when no transfer runs. */
  idle(): Promise<void>;
  /** The first error of a transfer that is ours, not the engine's: it says more than what the engine makes of it. */
  failure(): Error | undefined;
}

/** Records the file transfers of a build. */
export function recordTransfers(services: BuildServices): Transfers {
  const running = new Set<Promise<void>>();
  let failure: Error | undefined;
  let sending = 0;

  const send = async (stream: PacketStream, packet: PacketInit): Promise<void> => {
    sending++;
    try {
      await stream.send(packet);
    } finally {
      sending--;
    }
  };

  const recorded = (transfer: BuildServices['sendFiles']): BuildServices['sendFiles'] =>
    transfer === undefined
      ? undefined
      : async (stream, headers) => {
          const work = transfer({ ...stream, send: (packet) => send(stream, packet) }, headers);
          running.add(work);
          try {
            await work;
          } catch (error) {
            if (!(error instanceof GrpcError)) failure ??= error as Error;
            throw error;
          } finally {
            running.delete(work);
          }
        };

  return {
    services: {
      ...services,
      sendFiles: recorded(services.sendFiles),
      receiveFiles: recorded(services.receiveFiles),
    },
    isHeldBack: () => sending > 0,
    idle: async () => void (await Promise.allSettled(running)),
    failure: () => failure,
  };
}
