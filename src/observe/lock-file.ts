import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../disk/write.ts';
import { TasksError } from '../model/errors.ts';
import { type Lock, type LockEntry, lockEntryId } from '../model/lock.ts';

/** Where a project's lock file stands, relative to its root. */
export const lockFile = 'tasks/lock.json';

const schema = 1;

/** A project's lock; empty where it has none. @throws TasksError exit 2 for a file that cannot be read, with what and where */
export function readLock(root: string): Lock {
  let text: string;
  try {
    text = readFileSync(path.join(root, lockFile), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return new Map();
    throw new TasksError(2, `cannot read ${lockFile}: ${code}`);
  }
  return parseLock(text);
}

/** A killed process leaves the old file or the new one. */
export function writeLock(root: string, lock: Lock): void {
  writeFileAtomic(path.join(root, lockFile), formatLock(lock), { flush: true });
}

/** One entry a line, sorted: a diff shows what moved. */
export function formatLock(lock: Lock): string {
  const lines = [...lock.values()]
    .sort((a, b) => (lockEntryId(a) < lockEntryId(b) ? -1 : 1))
    .map(({ image, platform, digest, onbuild, profiles }) =>
      JSON.stringify({ image, platform, digest, onbuild, profiles: [...profiles].sort() }),
    );
  const list = lines.length === 0 ? '[]' : `[\n    ${lines.join(',\n    ')}\n  ]`;
  return `{\n  "schema": ${schema},\n  "images": ${list}\n}\n`;
}

/** @throws TasksError exit 2 */
export function parseLock(text: string): Lock {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw broken(`${placeOf((error as Error).message, text)}no valid JSON`);
  }
  const { schema: found, images } = (content ?? {}) as { schema?: unknown; images?: unknown };
  if (found !== schema)
    throw broken(`schema is ${JSON.stringify(found)}, and ${schema} is what this version reads`);
  if (!Array.isArray(images)) throw broken('images is no list');
  const lock = new Map<string, LockEntry>();
  for (const [index, image] of images.entries()) {
    const entry = readEntry(image, `images[${index}]`);
    if (lock.has(lockEntryId(entry)))
      throw broken(`images[${index}] is ${lockEntryId(entry)} for the second time`);
    lock.set(lockEntryId(entry), entry);
  }
  return lock;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const fields: Readonly<Record<keyof LockEntry, readonly [(value: unknown) => boolean, string]>> = {
  image: [isText, "an image's name"],
  platform: [isText, 'a platform, linux/amd64, or any'],
  digest: [
    (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
    'sha256: and 64 hex digits',
  ],
  onbuild: [(value) => typeof value === 'boolean', 'true or false'],
  profiles: [(value) => Array.isArray(value) && value.every(isText), 'a list of names'],
};

function readEntry(value: unknown, place: string): LockEntry {
  const found = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  for (const [name, [isGood, expected]] of Object.entries(fields))
    if (!isGood(found[name]))
      throw broken(`${place}.${name} is ${JSON.stringify(found[name])}; expected ${expected}`);
  const unknown = Object.keys(found).find((name) => !(name in fields));
  if (unknown !== undefined) throw broken(`${place}.${unknown} is not known`);
  return found as unknown as LockEntry;
}

/** `line 3: `, where the parser says at which character it stopped. */
function placeOf(message: string, text: string): string {
  const at = /position (\d+)/.exec(message)?.[1];
  return `line ${text.slice(0, at === undefined ? undefined : Number(at)).split('\n').length}: `;
}

function broken(what: string): TasksError {
  return new TasksError(2, `${lockFile}: ${what}`, {
    hint: 'take it from version control again, or remove it and call `tasks lock`',
  });
}
