import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../disk/write.ts';
import { TasksError } from '../model/errors.ts';
import { type Lock, type LockEntry, lockEntryId } from '../model/lock.ts';

/** The path of the lock file, relative to the project root. */
export const lockFile = 'tasks/lock.json';

const schema = 1;

/** Reads the lock file of a project. Returns an empty lock if there is none. @throws TasksError (exit 2) if it is invalid */
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

/** Writes the lock file of a project atomically. */
export function writeLock(root: string, lock: Lock): void {
  writeFileAtomic(path.join(root, lockFile), formatLock(lock), { flush: true });
}

/** Formats a lock with one entry per line, sorted, so that diffs are easy to read. */
export function formatLock(lock: Lock): string {
  const lines = [...lock.values()]
    .sort((a, b) => (lockEntryId(a) < lockEntryId(b) ? -1 : 1))
    .map(({ image, platform, digest, onbuild, profiles }) =>
      JSON.stringify({ image, platform, digest, onbuild, profiles: [...profiles].sort() }),
    );
  const list = lines.length === 0 ? '[]' : `[\n    ${lines.join(',\n    ')}\n  ]`;
  return `{\n  "schema": ${schema},\n  "images": ${list}\n}\n`;
}

/** Parses the text of a lock file. @throws TasksError (exit 2) that says what is wrong and where */
export function parseLock(text: string): Lock {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw invalid(`${linePrefix((error as Error).message, text)}invalid JSON`);
  }
  const { schema: found, images } = (content ?? {}) as { schema?: unknown; images?: unknown };
  if (found !== schema)
    throw invalid(`schema is ${JSON.stringify(found)}; this version of tasks reads schema ${schema}`);
  if (!Array.isArray(images)) throw invalid('images is not a list');
  const lock = new Map<string, LockEntry>();
  for (const [index, image] of images.entries()) {
    const entry = parseEntry(image, `images[${index}]`);
    if (lock.has(lockEntryId(entry)))
      throw invalid(`images[${index}] is a duplicate of ${lockEntryId(entry)}`);
    lock.set(lockEntryId(entry), entry);
  }
  return lock;
}

const isNonEmptyString = (value: unknown): boolean => typeof value === 'string' && value !== '';
const fields: Readonly<Record<keyof LockEntry, readonly [(value: unknown) => boolean, string]>> = {
  image: [isNonEmptyString, 'an image name'],
  platform: [isNonEmptyString, 'a platform such as linux/amd64, or any'],
  digest: [
    (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
    'sha256: followed by 64 hex digits',
  ],
  onbuild: [(value) => typeof value === 'boolean', 'true or false'],
  profiles: [(value) => Array.isArray(value) && value.every(isNonEmptyString), 'a list of names'],
};

function parseEntry(value: unknown, place: string): LockEntry {
  const found = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  for (const [name, [isValid, expected]] of Object.entries(fields))
    if (!isValid(found[name]))
      throw invalid(`${place}.${name} is ${JSON.stringify(found[name])}; expected ${expected}`);
  const unknown = Object.keys(found).find((name) => !(name in fields));
  if (unknown !== undefined) throw invalid(`${place}.${unknown} is an unknown field`);
  return found as unknown as LockEntry;
}

/** Returns the line of a JSON syntax error as `line 3: `, from the position in its message. */
function linePrefix(message: string, text: string): string {
  const at = /position (\d+)/.exec(message)?.[1];
  return `line ${text.slice(0, at === undefined ? undefined : Number(at)).split('\n').length}: `;
}

function invalid(what: string): TasksError {
  return new TasksError(2, `${lockFile}: ${what}`, {
    hint: `restore it with \`git checkout ${lockFile}\`, or delete it and run \`tasks lock\``,
  });
}
