import { Code, GrpcError } from './grpc/status.ts';
import type { PacketStream } from './packets.ts';
import { type Packet, Packet_PacketType as PacketType } from './proto/transfer_pb.js';
import { untilAborted } from './until-aborted.ts';

/**
 * Why a transfer of files failed on our side.
 *
 * - `changed`: a file is not what was hashed.
 * - `unreadable`: a file cannot be read.
 * - `unsupported`: the result contains something that a folder of files cannot have.
 * - `protocol`: the engine broke the protocol, or sent a path outside of the folder.
 */
export type TransferFailure = 'changed' | 'unreadable' | 'unsupported' | 'protocol';

/** A failed transfer of files. It is the reason why the build fails. `file` is the path that it is about, if there is one. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  readonly reason: TransferFailure;
  readonly file: string | undefined;

  constructor(reason: TransferFailure, message: string, file?: string) {
    super(message);
    this.reason = reason;
    this.file = file;
  }
}

/** Returns the error for a packet that the protocol does not allow. */
export function violation(what: string): TransferError {
  return new TransferError('protocol', `the engine broke the protocol of file transfer: it ${what}`);
}

/** Returns the error of an ERR packet. The answer to the build says more. */
export function reportedError({ data }: Packet): GrpcError {
  return new GrpcError(Code.unknown, `the engine reported: ${Buffer.from(data).toString('utf8')}`);
}

/** Returns the error of a call that the engine closed too early. The answer to the build says why. */
export function closedEarly(): GrpcError {
  return new GrpcError(Code.cancelled, 'the engine closed the transfer of files before it was complete');
}

/**
 * Runs a transfer until it is complete or aborted. If it fails on our side, sends the engine an ERR packet, so that its build fails
 * with our words. `stop` is called if it fails; nothing may be transferred after that.
 * @throws the transfer's error; the signal's reason
 */
export async function runTransfer(
  stream: PacketStream,
  run: Promise<void>,
  stop: () => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await untilAborted(run, signal);
  } catch (error) {
    stop();
    // A GrpcError is the engine's own, or the call has ended.
    if (!(error instanceof GrpcError) && !signal.aborted)
      await untilAborted(sendError(stream, error), signal);
    throw error;
  }
}

async function sendError(stream: PacketStream, error: unknown): Promise<void> {
  try {
    const message = error instanceof Error ? error.message : String(error);
    await stream.send({ type: PacketType.PACKET_ERR, data: Buffer.from(message) });
  } catch {
    // The call has ended, which the engine reports in its own words.
  }
}
