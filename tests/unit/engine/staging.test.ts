import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stageBuild } from '../../../src/engine/staging.ts';
import type { FileEntry } from '../../../src/model/observed.ts';
import type { BuildRequest } from '../../../src/model/ports.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('staging a build');
const live = new AbortController().signal;
const megabyte = 1 << 20;
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A request for these files, and entries that are no files. */
function requestOf(files: Readonly<Record<string, string | Buffer>>, others: readonly FileEntry[] = []) {
  const root = tempFolder();
  const work = path.join(root, 'work');
  const dockerfile = path.join(root, 'Dockerfile.debian');
  mkdirSync(work);
  writeFileSync(dockerfile, 'FROM scratch\n');
  const context = Object.entries(files).map(([name, bytes]) => {
    const source = path.join(root, sha256(name));
    writeFileSync(source, bytes);
    const executable = name.endsWith('.sh');
    const entry = { path: name, type: 'file', executable, size: bytes.length, digest: sha256(bytes) };
    return { entry: entry as FileEntry, source };
  });
  return {
    work,
    context: [...others.map((entry) => ({ entry, source: '' })), ...context],
    dockerfile: { source: dockerfile, digest: sha256('FROM scratch\n') },
  } as unknown as BuildRequest;
}

/** Where an entry of the context lies, if it does. */
const stagedPath = ({ work }: BuildRequest, name: string): string | undefined =>
  readdirSync(work)
    .map((folder) => path.join(work, folder, name))
    .find((file) => existsSync(file));

const failure = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

test('the context has exactly the entries, with one time and modes 644 and 755 under any umask', async () => {
  const request = requestOf({ 'dir/run.sh': '#!/bin/sh\n', 'dir/text': 'text', empty: '' }, [
    { path: 'dir', type: 'dir' },
    { path: 'link', type: 'link', target: 'dir/text' },
    { path: 'pipe', type: 'fifo' },
  ]);
  const umask = process.umask(0o077);
  const { context, dockerfile } = await stageBuild(request, live).finally(() => process.umask(umask));
  const look = (name: string): string => {
    const { mode, mtimeMs } = lstatSync(path.join(context, name));
    return `${name} ${(mode & 0o777).toString(8)} ${new Date(mtimeMs).toISOString().slice(0, 10)}`;
  };
  const names = readdirSync(context, { recursive: true }) as string[];
  assert.equal(names.sort().map(look), [
    'dir 755 1980-01-02',
    'dir/run.sh 755 1980-01-02',
    'dir/text 644 1980-01-02',
    'empty 644 1980-01-02',
    'link 777 1980-01-02',
    'pipe 644 1980-01-02',
  ]);
  assert.is(readFileSync(path.join(context, 'dir/text'), 'utf8'), 'text');
  assert.is(readlinkSync(path.join(context, 'link')), 'dir/text');
  assert.is(path.basename(dockerfile), 'Dockerfile.debian');
  assert.is(readFileSync(dockerfile, 'utf8'), 'FROM scratch\n');
  assert.is(readFileSync(`${dockerfile}.dockerignore`, 'utf8'), '');
});

test('concurrent builds get their own bytes, even in files of several chunks', async () => {
  const bytesOf = (letter: string): Buffer => Buffer.alloc(9 * megabyte + 5, letter);
  const staged = await Promise.all(
    ['a', 'b', 'c'].map(async (letter) => {
      const { context } = await stageBuild(requestOf({ large: bytesOf(letter) }), live);
      return readFileSync(path.join(context, 'large')).equals(bytesOf(letter));
    }),
  );
  assert.equal(staged, [true, true, true]);
});

test('copying a large file needs little memory', async () => {
  const request = requestOf({ small: '' });
  const { source, entry } = request.context[0]!;
  truncateSync(source, 100 * megabyte);
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(megabyte);
  for (let at = 0; at < 100; at++) hash.update(zeros);
  Object.assign(entry, { size: 100 * megabyte, digest: hash.digest('hex') });
  const before = process.resourceUsage().maxRSS;
  await stageBuild(request, live);
  const grown = (process.resourceUsage().maxRSS - before) / 1024;
  assert.ok(grown < 40, `${grown} MB more for a file of 100`);
});

test('a file replaced by a pipe or a folder, or removed, is a change; opening the pipe does not block', async () => {
  const pipe = (file: string): void => void execFileSync('mkfifo', [file]);
  for (const replace of [pipe, (folder: string) => mkdirSync(folder), () => undefined]) {
    const request = requestOf({ a: 'a' });
    const { source } = request.context[0]!;
    rmSync(source);
    replace(source);
    assert.match(await failure(stageBuild(request, live)), /changed while the task was running/);
  }
});

test('a file that grows while it is read is a change, detected before the rest is copied', async () => {
  const request = requestOf({ a: Buffer.alloc(3 * megabyte) });
  const { source } = request.context[0]!;
  truncateSync(source, 200 * megabyte);
  assert.match(await failure(stageBuild(request, live)), /changed while the task was running/);
  assert.ok(lstatSync(stagedPath(request, 'a')!).size <= 3 * megabyte);
});

test('an abort ends the staging', async () => {
  const stop = new AbortController();
  const request = requestOf({ large: Buffer.alloc(64 * megabyte), after: '' });
  const staged = stageBuild(request, stop.signal);
  stop.abort(new Error('stop'));
  assert.is(await failure(staged), 'stop');
  assert.ok(stagedPath(request, 'large'));
  assert.is(stagedPath(request, 'after'), undefined);
});

test.run();
