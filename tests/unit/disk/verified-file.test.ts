import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../../src/disk/sha256.ts';
import { FileProblem, readVerified, readVerifiedBytes } from '../../../src/disk/verified-file.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('reading a file that was hashed');
const content = Buffer.alloc(1000, 'x');
const hashed = { size: content.length, digest: sha256(content) };

function makeFile(bytes: Uint8Array = content): string {
  const file = path.join(tempFolder(), 'folder/file');
  mkdirSync(path.dirname(file));
  writeFileSync(file, bytes);
  return file;
}

/** Reads all chunks of 64 bytes. */
function readAll(file: string, { size, digest } = hashed, bytes = 64): Buffer {
  const chunks: Buffer[] = [];
  for (const chunk of readVerified(file, { size, digest }, Buffer.alloc(bytes)))
    chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function problemOf(read: () => unknown): FileProblem {
  try {
    read();
  } catch (error) {
    assert.instance(error, FileProblem);
    return error as FileProblem;
  }
  throw new Error('it was read');
}

const isOpen = (file: string): boolean =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(file);
    } catch {
      return false;
    }
  });

test('property: an unchanged file is read whole, whatever the size of the buffer', () => {
  const file = makeFile();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 400 }), (bytes, buffer) => {
      writeFileSync(file, bytes);
      const known = { size: bytes.length, digest: sha256(bytes) };
      assert.ok(readAll(file, known, buffer).equals(bytes));
      assert.ok(readVerifiedBytes(file, known.digest).equals(bytes));
    }),
  );
  assert.not.ok(isOpen(file));
});

/** What may have happened to a file since it was hashed. */
const changes: Readonly<Record<string, (file: string) => void>> = {
  'has other bytes': (file) => writeFileSync(file, Buffer.alloc(1000, 'y')),
  'has one other byte at the end': (file) => writeFileSync(file, Buffer.from(`${'x'.repeat(999)}y`)),
  'is longer': (file) => appendFileSync(file, 'x'),
  'is shorter': (file) => truncateSync(file, 999),
  'is empty': (file) => truncateSync(file, 0),
  'is gone': (file) => rmSync(file),
  'is in a folder that is gone': (file) => rmSync(path.dirname(file), { recursive: true }),
  'is in a folder that is a file now': (file) => {
    rmSync(path.dirname(file), { recursive: true });
    writeFileSync(path.dirname(file), '');
  },
  'is a folder': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'is a symlink to itself': (file) => {
    rmSync(file);
    symlinkSync(file, file);
  },
  'is a device': (file) => {
    rmSync(file);
    symlinkSync('/dev/null', file);
  },
  'is a pipe that nobody writes to': (file) => {
    rmSync(file);
    execFileSync('mkfifo', [file]);
  },
};
for (const [what, change] of Object.entries(changes))
  test(`a file that ${what} has changed, and is closed`, () => {
    const file = makeFile();
    change(file);
    for (const read of [() => readAll(file), () => readVerifiedBytes(file, hashed.digest)]) {
      const problem = problemOf(read);
      assert.equal(
        [problem.reason, problem.file, problem.message],
        ['changed', file, `${file} changed while the task was running; run again`],
      );
    }
    assert.not.ok(isOpen(path.dirname(file)));
  });

test('a symlink in place of a file of the context has changed; a Dockerfile may be a symlink', () => {
  const file = makeFile();
  renameSync(file, `${file}.moved`);
  symlinkSync(`${file}.moved`, file);
  assert.is(problemOf(() => readAll(file)).reason, 'changed');
  assert.ok(readVerifiedBytes(file, hashed.digest).equals(content));
});

test('a file that changes while it is read has changed', () => {
  for (const change of [
    (file: string) => writeFileSync(file, Buffer.alloc(1000, 'y')),
    (file: string) => appendFileSync(file, 'x'),
    (file: string) => truncateSync(file, 500),
  ]) {
    const file = makeFile();
    const chunks = readVerified(file, hashed, Buffer.alloc(64));
    chunks.next();
    change(file);
    assert.is(problemOf(() => [...chunks]).reason, 'changed');
    assert.not.ok(isOpen(file));
  }
});

test('no more is read than was hashed, however long the file is now', () => {
  const file = makeFile();
  const bytesBefore = (change: () => void): number => {
    let bytes = 0;
    problemOf(() => {
      for (const chunk of readVerified(file, hashed, Buffer.alloc(64))) {
        if (bytes === 0) change();
        bytes += chunk.length;
      }
    });
    return bytes;
  };
  const grow = (): void => appendFileSync(file, Buffer.alloc(100_000, 'x'));
  assert.ok(bytesBefore(grow) <= content.length);
  assert.is(bytesBefore(grow), 0, 'a file of another size is not read at all');
});

test('a reader that stops early closes the file', () => {
  const file = makeFile();
  for (const _ of readVerified(file, hashed, Buffer.alloc(64))) break;
  assert.not.ok(isOpen(file));
});

test('a file that cannot be read says why, and is no changed file', () => {
  const file = path.join(tempFolder(), 'n'.repeat(300));
  for (const read of [() => readAll(file), () => readVerifiedBytes(file, hashed.digest)]) {
    const problem = problemOf(read);
    assert.equal(
      [problem.reason, problem.file, problem.message],
      ['unreadable', file, `cannot read ${file}: ENAMETOOLONG`],
    );
  }
});

/** Root may read every file, so it acts as nobody meanwhile. */
function withoutRights<T>(action: () => T): T {
  const isRoot = process.geteuid!() === 0;
  if (isRoot) process.seteuid!(65_534);
  try {
    return action();
  } finally {
    if (isRoot) process.seteuid!(0);
  }
}

test('a file without the right to read it is unreadable', () => {
  const file = makeFile();
  chmodSync(file, 0);
  for (const read of [() => readAll(file), () => readVerifiedBytes(file, hashed.digest)])
    assert.is(withoutRights(() => problemOf(read)).message, `cannot read ${file}: EACCES`);
});

test.run();
