// Models of BuildKit's side of file transfer, over any PacketStream: the receiver of contexts and the sender of the local exporter,
// written after tonistiigi/fsutil (receive.go, send.go, validator.go, diff_containerd.go), not after our own code.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { PacketInit, PacketStream } from '../../src/buildkit/packets.ts';
import {
  type Packet,
  PacketSchema,
  Packet_PacketType as PacketType,
  type Stat,
  type StatSchema,
} from '../../src/buildkit/proto/transfer_pb.js';

const modeDir = 0x8000_0000;
const modeSymlink = 0x0800_0000;
const modeType = 0x8f28_0000;

/** A stream in memory. Packets pass through protobuf, and at most `capacity` wait before `send` does. */
export interface FakeStream extends PacketStream {
  /** The highest number of bytes that ever waited in this direction. */
  readonly peak: number;
  /** Says that no more packets follow. */
  end(): void;
}

class Direction {
  peak = 0;
  readonly #capacity: number;
  readonly #packets: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  #error: Error | undefined;
  #changed = withResolvers();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async send(packet: PacketInit): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#isEnded) throw new Error('sent after the end');
    const bytes = toBinary(PacketSchema, create(PacketSchema, packet));
    this.#packets.push(bytes);
    this.#bytes += bytes.length;
    this.peak = Math.max(this.peak, this.#bytes);
    this.#wake();
    while (this.#packets.length >= this.#capacity) {
      await this.#changed.promise;
      if (this.#error !== undefined) throw this.#error;
    }
  }

  async *receive(): AsyncGenerator<Packet, void> {
    for (;;) {
      const bytes = this.#packets.shift();
      if (bytes !== undefined) {
        this.#bytes -= bytes.length;
        this.#wake();
        yield fromBinary(PacketSchema, bytes);
      } else if (this.#error !== undefined) throw this.#error;
      else if (this.#isEnded) return;
      else await this.#changed.promise;
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  destroy(error: Error): void {
    this.#error = error;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve(undefined);
    this.#changed = withResolvers();
  }
}

interface Resolvers {
  readonly promise: Promise<unknown>;
  resolve(value: unknown): void;
}

function withResolvers(): Resolvers {
  let resolve!: (value: unknown) => void;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Returns the two ends of a call, and a function that breaks it. */
export function fakeCall(capacity = 8): {
  client: FakeStream;
  engine: FakeStream;
  destroy(error: Error): void;
} {
  const [up, down] = [new Direction(capacity), new Direction(capacity)];
  const endOf = (out: Direction, into: Direction): FakeStream => ({
    send: (packet) => out.send(packet),
    receive: () => into.receive(),
    end: () => out.end(),
    get peak() {
      return out.peak;
    },
  });
  const destroy = (error: Error): void => {
    up.destroy(error);
    down.destroy(error);
  };
  return { client: endOf(up, down), engine: endOf(down, up), destroy };
}

/** A file as an engine keeps it. */
export interface KeptFile {
  readonly stat: Stat;
  readonly content: Buffer;
}

/** What an engine keeps under a shared key, by path. */
export type Snapshot = ReadonlyMap<string, KeptFile>;

/** The use of a kept folder by one build. */
export interface KeptUse {
  /** What the engine has of the folder when the transfer starts. */
  readonly kept: Snapshot;
  /** Called with what was received; not called if the transfer failed, after which nothing is kept. */
  commit(received: Snapshot): void;
  /** Called when the build has ended. */
  release(): void;
}

/**
 * The folders that an engine keeps under shared keys (source/local; cache/manager.go, GetMutable). One that a running build uses is
 * locked: another build under the same key starts from nothing and leaves a second folder. Tried on docker 20.10 and 26.1.
 */
export class KeptFolders {
  readonly #folders = new Map<string, { snapshot: Snapshot; isLocked: boolean }[]>();

  use(key: string): KeptUse {
    const folders = this.#folders.get(key) ?? [];
    this.#folders.set(key, folders);
    const folder = folders.find(({ isLocked }) => !isLocked) ?? { snapshot: new Map(), isLocked: true };
    if (!folders.includes(folder)) folders.push(folder);
    folder.isLocked = true;
    let isCommitted = false;
    return {
      kept: folder.snapshot,
      commit: (received) => {
        folder.snapshot = received;
        isCommitted = true;
      },
      release: () => {
        folder.isLocked = false;
        if (!isCommitted) folders.splice(folders.indexOf(folder), 1);
      },
    };
  }
}

export interface ReceiverOptions {
  /** `metadata`: files of equal size, time and mode are not requested again. `none`: every file is. */
  readonly differ?: 'metadata' | 'none';
  /** Returns the order in which the files are requested, once all are known. By default each is requested at once. */
  readonly reorder?: (ids: readonly number[]) => readonly number[];
  /** Called before each packet is read. */
  readonly beforeRead?: () => Promise<void>;
  /** Called for each packet that is read. */
  readonly onPacket?: (packet: Packet) => void;
}

/**
 * Receives a context as an engine does, onto what it kept under the same key. Returns what it keeps from then on, which is
 * exactly what was sent if the sender keeps its word. Throws `error from sender: …` as fsutil does.
 */
export async function receiveAsEngine(
  stream: PacketStream,
  kept: Snapshot = new Map(),
  options: ReceiverOptions = {},
): Promise<Snapshot> {
  const reception = new EngineReception(stream, kept, options);
  try {
    return await reception.run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!message.startsWith('error from sender'))
      await stream.send({ type: PacketType.PACKET_ERR, data: Buffer.from(message) }).catch(() => {});
    throw error;
  }
}

class EngineReception {
  readonly #stream: PacketStream;
  readonly #kept: Snapshot;
  readonly #options: ReceiverOptions;
  readonly #result = new Map<string, KeptFile>();
  readonly #pipes = new Map<number, { stat: Stat; chunks: Buffer[] }>();
  readonly #validate = makeValidator();
  #deferred: number[] = [];
  #count = 0;
  #isListed = false;
  #isFinishing = false;

  constructor(stream: PacketStream, kept: Snapshot, options: ReceiverOptions) {
    this.#stream = stream;
    this.#kept = kept;
    this.#options = options;
  }

  async run(): Promise<Snapshot> {
    const packets = this.#stream.receive()[Symbol.asyncIterator]();
    for (;;) {
      await this.#options.beforeRead?.();
      const next = await packets.next();
      if (next.done === true) throw new Error('EOF');
      this.#options.onPacket?.(next.value);
      if (next.value.type === PacketType.PACKET_FIN) {
        if (this.#isFinishing) return this.#result;
        throw new Error('early FIN');
      }
      await this.#accept(next.value);
      if (this.#isFinishing || !this.#isListed || this.#pipes.size > 0) continue;
      this.#isFinishing = true;
      await this.#stream.send({ type: PacketType.PACKET_FIN });
    }
  }

  async #accept({ type, stat, ID, data }: Packet): Promise<void> {
    if (type === PacketType.PACKET_ERR) throw new Error(`error from sender: ${Buffer.from(data)}`);
    if (type === PacketType.PACKET_STAT && stat === undefined) {
      this.#isListed = true;
      const order = this.#options.reorder?.(this.#deferred) ?? [];
      for (const id of order) await this.#stream.send({ type: PacketType.PACKET_REQ, ID: id });
    } else if (type === PacketType.PACKET_STAT && stat !== undefined) {
      await this.#add(stat, this.#count++);
    } else if (type === PacketType.PACKET_DATA) {
      const pipe = this.#pipes.get(ID);
      if (pipe === undefined) throw new Error(`invalid file request ${ID}`);
      if (data.length > 0) pipe.chunks.push(Buffer.from(data));
      else {
        this.#pipes.delete(ID);
        this.#result.set(pathOf(pipe.stat), { stat: pipe.stat, content: Buffer.concat(pipe.chunks) });
      }
    }
  }

  async #add(stat: Stat, id: number): Promise<void> {
    this.#validate(pathOf(stat), (stat.mode & modeDir) !== 0);
    const before = this.#kept.get(pathOf(stat));
    if (before !== undefined && this.#options.differ !== 'none' && isSame(before.stat, stat)) {
      this.#result.set(pathOf(stat), { stat, content: before.content });
      return;
    }
    if ((stat.mode & modeType) !== 0) {
      this.#result.set(pathOf(stat), { stat, content: Buffer.alloc(0) });
      return;
    }
    this.#pipes.set(id, { stat, chunks: [] });
    if (this.#options.reorder !== undefined) this.#deferred.push(id);
    else await this.#stream.send({ type: PacketType.PACKET_REQ, ID: id });
  }
}

function pathOf(stat: Stat): string {
  return Buffer.from(stat.path).toString('utf8');
}

/** diff_containerd.go, sameFile and compareStat, for the differ `metadata`. */
function isSame(one: Stat, other: Stat): boolean {
  const isFolder = (one.mode & modeDir) !== 0;
  if (!isFolder && (one.size !== other.size || one.modTime !== other.modTime)) return false;
  return (
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    Buffer.compare(one.linkname, other.linkname) === 0
  );
}

/** diff_containerd.go, ComparePath: by bytes, `/` before all others. */
export function comparePath(one: string, other: string): number {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  const slash = 0x2f;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    if (a[at] === b[at]) continue;
    return (b[at] !== slash && a[at]! < b[at]!) || a[at] === slash ? -1 : 1;
  }
  return a.length - b.length;
}

/** validator.go, as it is written there. */
export function makeValidator(): (path: string, isFolder: boolean) => void {
  let parents: { dir: string; last: string }[] = [{ dir: '', last: '' }];
  const below = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  return (path, isFolder) => {
    if (path !== clean(path)) throw new Error(`unclean path ${path}`);
    if (path.startsWith('/')) throw new Error(`absolute path ${path}`);
    const cut = path.lastIndexOf('/');
    const dir = cut < 0 ? '' : path.slice(0, cut);
    const base = path.slice(cut + 1);
    if (path === '..' || dir === '..' || path.startsWith('../')) throw new Error(`escape check ${path}`);
    const at = parents.findLastIndex((parent) => comparePath(parent.dir, dir) <= 0);
    parents = parents.slice(0, at + 1);
    const last = parents[at]!;
    if (dir !== last.dir || !below(last.last, base)) throw new Error(`changes out of order: ${path}`);
    last.last = base;
    if (isFolder) parents.push({ dir: path, last: '' });
  };
}

/** Go's path.Clean. */
function clean(path: string): string {
  const isRooted = path.startsWith('/');
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.length > 0 && names.at(-1) !== '..') names.pop();
    else if (!isRooted) names.push('..');
  }
  return `${isRooted ? '/' : ''}${names.join('/')}` || '.';
}

/** An entry of an image that the local exporter sends. `mode` has Go's bits. */
export interface ExportedEntry {
  readonly stat: MessageInitShape<typeof StatSchema>;
  readonly content?: Uint8Array;
}

/** Makes an exported entry: a folder for a path that ends in `/`, a symlink, or a file. */
export function exported(
  path: string,
  content: string | Uint8Array | { link: string } = '',
  mode?: number,
): ExportedEntry {
  const name = Buffer.from(path.replace(/\/$/, ''));
  const modTime = 1_500_000_000_000_000_000n;
  if (path.endsWith('/')) return { stat: { path: name, mode: mode ?? modeDir + 0o755, modTime } };
  if (typeof content === 'object' && 'link' in content) {
    const linkname = Buffer.from(content.link);
    return { stat: { path: name, mode: mode ?? modeSymlink + 0o777, linkname, modTime } };
  }
  const bytes = Buffer.from(content);
  const stat = { path: name, mode: mode ?? 0o644, size: BigInt(bytes.length), modTime };
  return { stat, content: bytes };
}

/**
 * Sends a tree as the local exporter does, in the given order: contents of up to four files at once, in chunks of 32 KiB. Returns
 * the receiver's error if it sends one.
 */
export async function exportAsEngine(
  stream: PacketStream,
  entries: readonly ExportedEntry[],
): Promise<string | undefined> {
  const list = async (): Promise<void> => {
    for (const { stat } of entries) await stream.send({ type: PacketType.PACKET_STAT, stat });
    await stream.send({ type: PacketType.PACKET_STAT });
  };
  const workers = [0, 1, 2, 3].map(() => Promise.resolve());
  const sendFile = async (id: number): Promise<void> => {
    const content = entries[id]?.content ?? Buffer.alloc(0);
    for (let at = 0; at < content.length; at += 32 << 10) {
      const data = content.subarray(at, at + (32 << 10));
      await stream.send({ type: PacketType.PACKET_DATA, ID: id, data });
    }
    await stream.send({ type: PacketType.PACKET_DATA, ID: id });
  };
  const listing = list();
  listing.catch(() => {});
  let requests = 0;
  for await (const packet of stream.receive()) {
    if (packet.type === PacketType.PACKET_ERR) return Buffer.from(packet.data).toString('utf8');
    if (packet.type === PacketType.PACKET_REQ) {
      const worker = requests++ % workers.length;
      workers[worker] = workers[worker]!.then(() => sendFile(packet.ID));
      workers[worker]!.catch(() => {});
    }
    if (packet.type === PacketType.PACKET_FIN) {
      await Promise.all([listing, ...workers]);
      await stream.send({ type: PacketType.PACKET_FIN });
      return undefined;
    }
  }
  throw new Error('EOF');
}
