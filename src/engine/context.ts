import { isUtf8 } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type Header, type Pack, pack as startPack } from 'tar-stream';
import type { Entry } from '../model/observed.ts';
import { type BuildRequest, type ContextEntry, StepFailed } from '../model/ports.ts';

/** The one modification time of everything in a context. Zip-like tools cannot read anything before 1980. */
export const contextTime = new Date(Date.UTC(1980, 0, 2));

type Content = Pick<BuildRequest, 'context' | 'dockerfile'>;

/**
 * Writes a build context as a tar stream: exactly the given entries, one time, one owner, modes 644 and 755. Every file
 * is read again and compared with what was hashed. The Dockerfile, which must have a path in it, comes last: a stream that
 * was cut has none, and fails.
 * Resolves when everything was written; the caller ends the stream.
 * @throws StepFailed where a file is not what it was
 */
export async function sendContext(content: Content, target: Writable): Promise<void> {
  const { path, source, digest, size, executable, rewrite } = content.dockerfile;
  const last: FileEntry = { path: path!, type: 'file', executable, size, digest };
  const pack = startPack();
  const others = content.context.filter(({ entry }) => entry.path !== path);
  const write = async (): Promise<void> => {
    await writeAll(pack, others);
    if (rewrite === undefined) await writeFile(pack, last, source);
    else await writeText(pack, last, await rewrite(readChecked(source, digest)));
    pack.finalize();
  };
  await Promise.all([write(), pump(pack, target)]);
}

/** A file's text. @throws StepFailed where the file is not what was hashed */
export function readChecked(source: string, digest: string): string {
  const bytes = readFileSync(source);
  if (createHash('sha256').update(bytes).digest('hex') !== digest) throw changed(source);
  if (!isUtf8(bytes))
    throw new StepFailed(`${source} is no text in UTF-8, and so its bases cannot be pinned`);
  return bytes.toString('utf8');
}

function writeText(pack: Pack, entry: FileEntry, text: string): Promise<void> {
  const bytes = Buffer.from(text, 'utf8');
  return new Promise((resolve, reject) => {
    pack.entry(headerOf({ ...entry, size: bytes.length }), bytes, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

/** A small archive in memory. @throws StepFailed where a file is not what it was */
export async function packFiles(files: readonly ContextEntry[]): Promise<Buffer> {
  const pack = startPack();
  const chunks: Buffer[] = [];
  const collected = collect(pack, chunks);
  await writeAll(pack, files);
  pack.finalize();
  await collected;
  return Buffer.concat(chunks);
}

async function collect(pack: Pack, chunks: Buffer[]): Promise<void> {
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
}

async function writeAll(pack: Pack, entries: readonly ContextEntry[]): Promise<void> {
  for (const { entry, source } of entries) {
    if (entry.type === 'file') await writeFile(pack, entry, source);
    else await writeSimple(pack, headerOf(entry));
  }
}

type FileEntry = Extract<Entry, { type: 'file' }>;

function headerOf(entry: Entry): Partial<Header> & { name: string } {
  const common = { name: entry.path, mtime: contextTime, uid: 0, gid: 0 };
  switch (entry.type) {
    case 'file':
      return { ...common, type: 'file', size: entry.size, mode: entry.executable ? 0o755 : 0o644 };
    case 'dir':
      return { ...common, type: 'directory', mode: 0o755 };
    case 'link':
      return { ...common, type: 'symlink', linkname: entry.target, mode: 0o777 };
    case 'fifo':
      return { ...common, type: 'fifo', mode: 0o644 };
  }
}

function writeSimple(pack: Pack, header: Partial<Header> & { name: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

async function writeFile(pack: Pack, entry: FileEntry, source: string): Promise<void> {
  const hash = createHash('sha256');
  let left = entry.size;
  const done = deferred();
  const sink = pack.entry(headerOf(entry), (error) =>
    error ? done.reject(error) : done.resolve(),
  ) as unknown as NodeJS.WritableStream;
  for await (const chunk of createReadStream(source, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    left -= chunk.length;
    if (left < 0) throw changed(source);
    hash.update(chunk);
    if (!sink.write(chunk)) await once(sink, 'drain');
  }
  if (left !== 0 || hash.digest('hex') !== entry.digest) throw changed(source);
  sink.end();
  await done.promise;
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function changed(source: string): StepFailed {
  return new StepFailed(`${source} changed while the task was running; run again`);
}

/** Not stream.pipeline: that would close the target when the source fails, and end a short stream like a whole one. */
async function pump(source: Pack, target: Writable): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (target.destroyed) throw new TargetClosed();
    if (!target.write(chunk)) await writable(target);
  }
}

/** Resolves when a stream takes more, or will never again. */
function writable(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      target.off('drain', settle);
      target.off('close', settle);
      resolve();
    };
    target.on('drain', settle);
    target.on('close', settle);
    if (target.destroyed) settle();
  });
}

/** The reader went away before everything was written; its exit code says why. */
export class TargetClosed extends Error {
  override readonly name = 'TargetClosed';
}

/** SHA-256 of a file, hex. */
export async function digestOf(file: string): Promise<string> {
  const hash: Hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
