import { modeBits, type PacketStream } from './packets.ts';
import { type Packet, Packet_PacketType as PacketType, type Stat } from './proto/transfer_pb.js';
import { makePathCheck } from './received-paths.ts';
import { closedEarly, reportedError, runTransfer, TransferError, violation } from './transfer-error.ts';
import { type EntryAttributes, makeTreeWriter, type NewFile, type TreeWriter } from './write-tree.ts';

/** Requests that are open at once. fsutil's sender (send.go) stops reading when it has more than 128. */
const maxRequests = 64;

/** What was received. */
export interface ReceivedTotals {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Receives the tree that BuildKit's local exporter sends, into an empty folder, as fsutil's receiver does (receive.go). The
 * result is that of `docker build --output=type=local`: same types, permissions and times. Three things differ: setuid and setgid
 * are left out, because the files belong to the user and not to the owner in the image; extended attributes are left out, because
 * Node cannot set them; a device fails the build.
 * @throws TransferError; the errors of the file system; GrpcError if the engine gave up; the signal's reason
 */
export async function receiveFiles(
  stream: PacketStream,
  folder: string,
  signal: AbortSignal,
): Promise<ReceivedTotals> {
  const reception = new Reception(stream, makeTreeWriter(folder));
  await runTransfer(stream, reception.run(), () => reception.stop(), signal);
  return reception.totals;
}

/** A regular file of the tree. */
interface ExpectedFile {
  readonly path: string;
  readonly attributes: EntryAttributes;
  /** The number of bytes that are still to come. */
  remaining: bigint;
  /** Set once it was requested. */
  file?: NewFile;
}

/** A running transfer, and the files that it has open. */
class Reception {
  readonly totals = { files: 0, bytes: 0 };
  readonly #stream: PacketStream;
  readonly #tree: TreeWriter;
  readonly #checkPath = makePathCheck();
  /** Paths of regular files, which hard links may name. */
  readonly #files = new Set<string>();
  readonly #hardLinks: { path: string; existing: string }[] = [];
  /** Files in the order in which they are requested. */
  readonly #queue: { id: number; expected: ExpectedFile }[] = [];
  #requested = 0;
  readonly #open = new Map<number, ExpectedFile>();
  /** The number of STATs; a file's ID is the index of its STAT. */
  #count = 0;
  #isListed = false;
  #isStopped = false;

  constructor(stream: PacketStream, tree: TreeWriter) {
    this.#stream = stream;
    this.#tree = tree;
  }

  async run(): Promise<void> {
    let isComplete = false;
    for await (const packet of this.#stream.receive()) {
      if (this.#isStopped) return;
      if (packet.type === PacketType.PACKET_FIN && isComplete) return;
      await this.#accept(packet);
      if (isComplete || !this.#isListed || this.#open.size > 0) continue;
      isComplete = true;
      for (const { path, existing } of this.#hardLinks) this.#tree.addHardLink(path, existing);
      this.#tree.finish();
      await this.#stream.send({ type: PacketType.PACKET_FIN });
    }
    throw closedEarly();
  }

  /** Ends the transfer and closes files that are still open. */
  stop(): void {
    this.#isStopped = true;
    for (const { file } of this.#open.values()) file?.close();
    this.#open.clear();
  }

  async #accept(packet: Packet): Promise<void> {
    switch (packet.type) {
      case PacketType.PACKET_STAT:
        if (this.#isListed) throw violation('listed more after the end of its list');
        if (packet.stat === undefined) this.#isListed = true;
        else await this.#add(packet.stat, this.#count++);
        break;
      case PacketType.PACKET_DATA:
        this.#write(packet);
        break;
      case PacketType.PACKET_ERR:
        throw reportedError(packet);
      default:
        throw violation(`sent a packet of type ${packet.type}`);
    }
    await this.#request();
  }

  async #add(stat: Stat, id: number): Promise<void> {
    const kind = kindOf(stat.mode);
    const path = this.#checkPath(stat.path, kind === 'folder');
    const attributes = attributesOf(stat);
    switch (kind) {
      case 'folder':
        this.#tree.addFolder(path, attributes);
        return;
      case 'symlink':
        this.#addSymlink(path, stat, attributes);
        return;
      case 'pipe':
        await this.#tree.addPipe(path, attributes);
        return;
      case 'file':
        this.#addFile(path, stat, attributes, id);
        return;
      case 'device':
        throw new TransferError(
          'unsupported',
          `${path} in the result is a device; expected a file, folder, symlink or pipe`,
          path,
        );
      default:
        throw violation(`sent ${path} with the unknown type ${stat.mode.toString(16)}`);
    }
  }

  #addSymlink(path: string, { linkname }: Stat, attributes: EntryAttributes): void {
    if (linkname.length === 0 || linkname.includes(0))
      throw violation(`sent the symlink ${path} with an impossible target`);
    this.#tree.addSymlink(path, linkname, attributes);
  }

  #addFile(path: string, { linkname, size }: Stat, attributes: EntryAttributes, id: number): void {
    if (linkname.length > 0) {
      const existing = Buffer.from(linkname).toString('utf8');
      if (!this.#files.has(existing))
        throw violation(`sent ${path} as a link to ${existing}, which is no file`);
      this.#hardLinks.push({ path, existing });
      return;
    }
    if (size < 0n) throw violation(`sent ${path} with a size of ${size}`);
    this.#files.add(path);
    this.#queue.push({ id, expected: { path, attributes, remaining: size } });
  }

  async #request(): Promise<void> {
    while (this.#open.size < maxRequests) {
      const next = this.#queue[this.#requested];
      if (next === undefined) return;
      this.#requested++;
      next.expected.file = this.#tree.createFile(next.expected.path, next.expected.attributes);
      this.#open.set(next.id, next.expected);
      await this.#stream.send({ type: PacketType.PACKET_REQ, ID: next.id });
    }
  }

  #write({ ID: id, data }: Packet): void {
    const expected = this.#open.get(id);
    if (expected?.file === undefined) throw violation(`sent content of file ${id}, which was not requested`);
    expected.remaining -= BigInt(data.length);
    if (expected.remaining < 0n) throw violation(`sent more of ${expected.path} than its size`);
    if (data.length > 0) {
      expected.file.write(data);
      this.totals.bytes += data.length;
      return;
    }
    if (expected.remaining > 0n)
      throw violation(`sent ${expected.remaining} bytes less of ${expected.path} than its size`);
    expected.file.finish();
    this.#open.delete(id);
    this.totals.files++;
  }
}

type Kind = 'folder' | 'symlink' | 'pipe' | 'device' | 'file' | 'unknown';

function kindOf(mode: number): Kind {
  const { folder, link, pipe, device, characterDevice, socket, irregular } = modeBits;
  const has = (bit: number): boolean => (mode & bit) !== 0;
  const types = [folder, link, pipe, device, socket, irregular].filter(has);
  if (types.length > 1 || has(socket) || has(irregular)) return 'unknown';
  if (has(device) || has(characterDevice)) return 'device';
  return has(folder) ? 'folder' : has(link) ? 'symlink' : has(pipe) ? 'pipe' : 'file';
}

function attributesOf({ mode, modTime }: Stat): EntryAttributes {
  const sticky = (mode & modeBits.sticky) !== 0 ? 0o1000 : 0;
  return { permissions: (mode & 0o777) | sticky, mtime: Number(modTime) / 1e9 };
}
