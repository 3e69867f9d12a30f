import { setImmediate } from 'node:timers/promises';
import { FileProblem, readVerified } from '../disk/verified-file.ts';
import { type SentEntry, statOf } from './context-entries.ts';
import type { PacketInit, PacketStream } from './packets.ts';
import { type Packet, Packet_PacketType as PacketType } from './proto/transfer_pb.js';
import { closedEarly, reportedError, runTransfer, TransferError, violation } from './transfer-error.ts';

/** Bytes of a DATA packet. Engines take messages of up to 4 MiB; smaller ones let other builds have their turn. */
const chunkSize = 256 << 10;
/** Milliseconds of work before timers and other connections get their turn. */
const turn = 8;

/** What was sent of a folder: the files that the engine asked for. */
export interface SentTotals {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Sends a folder as fsutil's sender does (send.go): a STAT for each entry in order and an empty one at the end; the content of
 * each file that the engine requests, by the index of its STAT; FIN when the engine has sent FIN. Each file is hashed while it is
 * sent. If it is not what was hashed, the engine gets an ERR packet and fails the build.
 * @throws TransferError; GrpcError if the engine gave up; the signal's reason
 */
export async function sendFiles(
  stream: PacketStream,
  entries: readonly SentEntry[],
  signal: AbortSignal,
): Promise<SentTotals> {
  const transfer = new Transfer(stream, entries);
  await runTransfer(stream, transfer.run(), () => transfer.stop(), signal);
  return transfer.totals;
}

/** A running transfer. STATs, contents and requests are independent of each other, as in fsutil. */
class Transfer {
  readonly totals = { files: 0, bytes: 0 };
  readonly #stream: PacketStream;
  readonly #entries: readonly SentEntry[];
  readonly #requested = new Set<number>();
  /** The number of STATs that were sent. */
  #announced = 0;
  /** True after the empty STAT, which ends the list. */
  #isListed = false;
  /** Sends the requested files, one after another. */
  #sending: Promise<void> = Promise.resolve();
  #unsent = 0;
  #isStopped = false;
  #turnStart = performance.now();
  #buffer: Buffer | undefined;

  constructor(stream: PacketStream, entries: readonly SentEntry[]) {
    this.#stream = stream;
    this.#entries = entries;
  }

  async run(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#list().catch(reject);
      this.#listen(reject).then(resolve, reject);
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #list(): Promise<void> {
    for (const { entry } of this.#entries) {
      if (this.#isStopped) return;
      this.#announced++;
      await this.#send({ type: PacketType.PACKET_STAT, stat: statOf(entry) });
    }
    if (this.#isStopped) return;
    this.#isListed = true;
    await this.#send({ type: PacketType.PACKET_STAT });
  }

  async #listen(fail: (error: unknown) => void): Promise<void> {
    for await (const packet of this.#stream.receive()) {
      if (this.#isStopped) return;
      switch (packet.type) {
        case PacketType.PACKET_REQ:
          this.#sending = this.#sending.then(this.#enqueue(packet));
          this.#sending.catch(fail);
          break;
        case PacketType.PACKET_FIN:
          if (!this.#isListed || this.#unsent > 0)
            throw violation('ended the transfer before it was complete');
          await this.#stream.send({ type: PacketType.PACKET_FIN });
          return;
        case PacketType.PACKET_ERR:
          throw reportedError(packet);
        default:
          throw violation(`sent a packet of type ${packet.type}`);
      }
    }
    throw closedEarly();
  }

  #enqueue({ ID: id }: Packet): () => Promise<void> {
    const sent = id < this.#announced ? this.#entries[id] : undefined;
    if (sent?.entry.type !== 'file' || this.#requested.has(id))
      throw violation(`requested file ${id}, which it cannot`);
    this.#requested.add(id);
    this.#unsent++;
    return () => this.#sendFile(id, sent);
  }

  async #sendFile(id: number, sent: SentEntry): Promise<void> {
    for (const data of this.#chunks(sent)) {
      if (this.#isStopped) return;
      this.totals.bytes += data.byteLength;
      await this.#send({ type: PacketType.PACKET_DATA, ID: id, data });
    }
    if (this.#isStopped) return;
    this.totals.files++;
    this.#unsent--;
    await this.#send({ type: PacketType.PACKET_DATA, ID: id });
  }

  *#chunks(sent: SentEntry): Generator<Uint8Array, void> {
    if ('bytes' in sent) {
      for (let at = 0; at < sent.bytes.byteLength; at += chunkSize)
        yield sent.bytes.subarray(at, at + chunkSize);
    } else if (sent.entry.type === 'file') {
      this.#buffer ??= Buffer.allocUnsafe(chunkSize);
      try {
        yield* readVerified(sent.source, sent.entry, this.#buffer);
      } catch (error) {
        throw error instanceof FileProblem
          ? new TransferError(error.reason, error.message, error.file)
          : error;
      }
    }
  }

  async #send(packet: PacketInit): Promise<void> {
    await this.#stream.send(packet);
    if (performance.now() - this.#turnStart < turn) return;
    await setImmediate();
    this.#turnStart = performance.now();
  }
}
