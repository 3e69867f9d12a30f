import type { MessageInitShape } from '@bufbuild/protobuf';
import { sha256 } from '../disk/sha256.ts';
import type { FileEntry } from '../model/observed.ts';
import type { ContextEntry } from '../model/ports.ts';
import { modeBits } from './packets.ts';
import type { StatSchema } from './proto/transfer_pb.js';

/** A file whose bytes are in memory. */
export interface MemoryEntry {
  readonly entry: Extract<FileEntry, { type: 'file' }>;
  readonly bytes: Uint8Array;
}

/** What is sent: an entry as it was hashed, and the file or the bytes with its content. */
export type SentEntry = ContextEntry | MemoryEntry;

/** Everything below one folder, in the order in which it is sent. */
export interface SentFolder {
  readonly entries: readonly SentEntry[];
  /** The SHA-256 (hex) of paths, types, modes, link targets and contents. */
  readonly digest: string;
}

/** Every entry has this modification time, 2 January 1980: tools for zip files cannot read times before 1980. */
export const fixedMtime = new Date(Date.UTC(1980, 0, 2));

const nanoseconds = BigInt(fixedMtime.getTime()) * 1_000_000n;

/** Changes whenever equal entries are sent in another way, because an engine keeps what it was sent under the digest. */
const digestVersion = 'tasks context 1';

/** Makes an entry of a file in memory. */
export function memoryEntry(path: string, bytes: Uint8Array): MemoryEntry {
  const entry = {
    path,
    type: 'file',
    executable: false,
    size: bytes.byteLength,
    digest: sha256(bytes),
  } as const;
  return { entry, bytes };
}

/**
 * Brings entries into the order of fsutil (validator.go, ComparePath): by bytes, with `/` before any other byte, so that what is
 * in a folder directly follows it. Every folder on a path must have an entry.
 */
export function makeFolder(entries: Iterable<SentEntry>): SentFolder {
  const keyed = [...entries].map((sent) => ({ sent, key: orderKey(sent.entry.path) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const sorted = keyed.map(({ sent }) => sent);
  return { entries: sorted, digest: digestOf(sorted) };
}

/** Returns a string that JavaScript compares as fsutil compares the path. */
function orderKey(path: string): string {
  const key = path.replaceAll('/', '\0');
  // JavaScript compares UTF-16 units, whose order is not that of UTF-8 bytes. One unit per byte is.
  return /^[\0-\x7f]*$/.test(key) ? key : Buffer.from(key, 'utf8').toString('latin1');
}

function digestOf(entries: readonly SentEntry[]): string {
  const rows = entries.map(({ entry }) => JSON.stringify([entry.path, entry.type, ...contentOf(entry)]));
  return sha256(`${[digestVersion, ...rows].join('\n')}\n`);
}

function contentOf(entry: FileEntry): readonly string[] {
  switch (entry.type) {
    case 'file':
      return [entry.executable ? 'x' : '-', entry.digest];
    case 'link':
      return [entry.target];
    default:
      return [];
  }
}

/** Returns an entry's Stat. Owner and group are 0, which is protobuf's default. */
export function statOf(entry: FileEntry): MessageInitShape<typeof StatSchema> {
  const common = {
    path: Buffer.from(entry.path, 'utf8'),
    modTime: nanoseconds,
  };
  switch (entry.type) {
    case 'dir':
      return { ...common, mode: modeBits.folder + 0o755 };
    case 'link': {
      const linkname = Buffer.from(entry.target, 'utf8');
      return { ...common, mode: modeBits.link + 0o777, linkname, size: BigInt(linkname.length) };
    }
    case 'fifo':
      return { ...common, mode: modeBits.pipe + 0o644 };
    case 'file':
      return { ...common, mode: entry.executable ? 0o755 : 0o644, size: BigInt(entry.size) };
  }
}
