import { GrpcError } from './grpc/status.ts';
import type { PacketInit, PacketStream } from './packets.ts';
import type { BuildServices } from './services.ts';

/** The file transfers of a build. */
export interface Transfers {
  /** The services, with their transfers recorded. */
  readonly services: BuildServices;
  /** Whether a transfer waits until the engine takes more. */
  isHeldBack(): boolean;
  /** Resolves when no files are being received. */
  received(): Promise<void>;
  /** The errors of transfers that are ours, not the engine's, in order: they say more than what the engine makes of them. */
  readonly failures: readonly Error[];
}

type FileService = NonNullable<BuildServices['sendFiles']>;

/** Records the file transfers of a build. */
export function recordTransfers(services: BuildServices): Transfers {
  const receiving = new Set<Promise<void>>();
  const failures: Error[] = [];
  let sending = 0;

  const send = async (stream: PacketStream, packet: PacketInit): Promise<void> => {
    sending++;
    try {
      await stream.send(packet);
    } finally {
      sending--;
    }
  };

  const recorded = (transfer: FileService): FileService => {
    return async (stream, headers) => {
      try {
        await transfer({ ...stream, send: (packet) => send(stream, packet) }, headers);
      } catch (error) {
        if (!(error instanceof GrpcError)) failures.push(error as Error);
        throw error;
      }
    };
  };

  const tracked = (transfer: FileService): FileService => {
    return async (stream, headers) => {
      const work = transfer(stream, headers);
      receiving.add(work);
      try {
        await work;
      } finally {
        receiving.delete(work);
      }
    };
  };

  const { sendFiles, receiveFiles } = services;
  return {
    services: {
      ...services,
      sendFiles: sendFiles && recorded(sendFiles),
      receiveFiles: receiveFiles && tracked(recorded(receiveFiles)),
    },
    isHeldBack: () => sending > 0,
    received: async () => void (await Promise.allSettled(receiving)),
    failures,
  };
}
