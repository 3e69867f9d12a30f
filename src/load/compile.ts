import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { checksum } from '../disk/checksum.ts';
import { isLink } from '../disk/disk.ts';
import { readRegularFile } from '../disk/read.ts';
import { isSameStamp, isSettled, readFileSystemClock, type Stamp, stampOf } from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';
import type { Bundle, BundleOptions, Form } from './bundle.ts';

/** Everything, besides the files, that can change the result of compiling. */
export interface CompileOptions extends BundleOptions {
  /** Identifies the version of this program. */
  readonly programId: string;
}

/** The compiled code of all definition files. Paths are absolute. */
export interface Compiled {
  readonly form: Form;
  readonly file: string;
  readonly text: string;
  /** The file of the source map. */
  readonly map: string;
}

/** The index file of the cache folder: the compiled code, and everything that decides whether it is up to date. */
interface CacheIndex {
  readonly form: Form;
  /** The file name of the compiled code. */
  readonly name: string;
  /** The checksum of the compiled code. */
  readonly sum: number;
  readonly identity: string;
  /**
   * The stamps of all compiled files, and of files that affect how imports resolve, by absolute path. null: the file was so
   * new that a later change might not move its stamp.
   */
  readonly inputs: Readonly<Record<string, Stamp | null>>;
  /** Missing files that would affect how imports resolve. */
  readonly absent: readonly string[];
  /** The names in all folders that affect how imports resolve; null as for `inputs`. */
  readonly folders: Readonly<Record<string, readonly string[] | null>>;
}

/**
 * Compiles all definition files together, or returns the code of an earlier run if no file that it depends on has changed.
 * @throws DefinitionError (exit 2)
 */
export async function compile(options: CompileOptions): Promise<Compiled> {
  const { files, root, programId, cacheFolder } = options;
  const identity = JSON.stringify([files, root, programId, process.version]);
  const index = path.join(cacheFolder, 'index.json');
  const cached = readIndex(index);
  const toCompiled = ({ form, name }: Pick<CacheIndex, 'form' | 'name'>, text: string): Compiled => {
    const file = path.join(cacheFolder, name);
    return { form, file, text, map: `${file}.map` };
  };
  const current = cached?.identity === identity ? readUpToDate(cached, cacheFolder) : undefined;
  if (current !== undefined) return toCompiled(cached!, current);
  const { bundle } = await import('./bundle.ts');
  const clock = readFileSystemClock(index);
  const isOutsideProject = !isBelow(realPath(root), realPath(cacheFolder));
  const { form, text, map, inputs, folders } = await bundle({ ...options, isOutsideProject });
  const digest = createHash('sha256').update(identity).update(text).digest('hex');
  const name = `${digest.slice(0, 16)}.${form === 'module' ? 'mjs' : 'js'}`;
  const compiled = toCompiled({ form, name }, text);
  writeFileAtomic(compiled.map, map);
  writeFileAtomic(compiled.file, text);
  // A module outside the project contains the paths of packages, which must be resolved in each run.
  const isReusable = !isOutsideProject || form === 'script';
  const sum = checksum(Buffer.from(text));
  const updated: CacheIndex = {
    form,
    name,
    sum,
    identity,
    ...dependencyState({ inputs, folders }, isReusable ? clock : 0),
  };
  writeFileAtomic(index, JSON.stringify(updated));
  if (cached !== undefined && cached.name !== name)
    for (const old of [cached.name, `${cached.name}.map`])
      rmSync(path.join(cacheFolder, old), { force: true });
  return compiled;
}

/** Returns the real path of a folder, which may not exist yet. */
function realPath(folder: string): string {
  const real = realPathIfExists(folder);
  if (real !== '' || path.dirname(folder) === folder) return real || folder;
  return path.join(realPath(path.dirname(folder)), path.basename(folder));
}

function isBelow(folder: string, other: string): boolean {
  return other.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/**
 * Returns the state of everything that compiled code depends on. `clock` is the time of the file system, in milliseconds,
 * before any of it was read.
 */
function dependencyState(
  { inputs, folders }: Pick<Bundle, 'inputs' | 'folders'>,
  clock: number,
): Pick<CacheIndex, 'inputs' | 'absent' | 'folders'> {
  const ifSettled = (stamp: Stamp): Stamp | null => (isSettled(stamp, clock) ? stamp : null);
  const stamps: Record<string, Stamp | null> = {};
  const absent: string[] = [];
  for (const [file, stamp] of inputs) stamps[file] = ifSettled(stamp);
  for (const file of packageFiles(inputs.keys())) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) absent.push(file);
    else stamps[file] ??= ifSettled(stampOf(stat));
  }
  const names = [...folders].map((folder): [string, readonly string[] | null] => {
    const found = namesIn(folder);
    const stat = statSync(folder, { throwIfNoEntry: false });
    return [folder, stat === undefined || ifSettled(stampOf(stat)) ? found : null];
  });
  return { inputs: stamps, absent, folders: Object.fromEntries(names) };
}

/** Returns every `package.json` above these files: it decides the module type of a file and its subpath imports. */
function packageFiles(files: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const file of files)
    for (let at = path.dirname(file); !folders.has(at); at = path.dirname(at)) folders.add(at);
  return [...folders].map((folder) => path.join(folder, 'package.json'));
}

/**
 * Returns the files that definitions were last compiled from, and the folders where their imports look for files; absolute,
 * and with symlinks unresolved. Returns none if they were never compiled.
 */
export function compiledInputs(cacheFolder: string): { files: string[]; folders: string[] } {
  const cached = readIndex(path.join(cacheFolder, 'index.json'));
  return { files: Object.keys(cached?.inputs ?? {}), folders: Object.keys(cached?.folders ?? {}) };
}

/** Returns the compiled code if nothing that it depends on has changed; undefined otherwise. */
function readUpToDate(
  { inputs, absent, folders, name, sum }: CacheIndex,
  cacheFolder: string,
): string | undefined {
  const isUnchanged = ([file, stamp]: [string, Stamp | null]): boolean => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat !== undefined && stamp !== null && isSameStamp(stampOf(stat), stamp);
  };
  try {
    const isCurrent =
      Object.entries(inputs).every(isUnchanged) &&
      absent.every((file) => statSync(file, { throwIfNoEntry: false }) === undefined) &&
      Object.entries(folders).every(
        ([folder, names]) => names !== null && JSON.stringify(namesIn(folder)) === JSON.stringify(names),
      );
    const file = path.join(cacheFolder, name);
    if (!isCurrent || isLink(file)) return undefined;
    const text = readRegularFile(file);
    return checksum(text) === sum ? text.toString() : undefined;
  } catch {
    // Compiling again reports what cannot be read.
    return undefined;
  }
}

/** Returns the real path of a folder and the names in it, with the targets of symlinks, because imports follow symlinks. */
function namesIn(folder: string): string[] {
  const names = entriesOf(folder).map((entry) =>
    entry.isSymbolicLink() ? `${entry.name} ${realPathIfExists(path.join(folder, entry.name))}` : entry.name,
  );
  return [realPathIfExists(folder), ...names.sort()];
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function realPathIfExists(link: string): string {
  try {
    return realpathSync.native(link);
  } catch {
    // A broken symlink, or a missing path.
    return '';
  }
}

function readIndex(index: string): CacheIndex | undefined {
  try {
    const cached = JSON.parse(readRegularFile(index).toString()) as CacheIndex;
    const isValid =
      compiledName.test(cached.name) && typeof cached.folders === 'object' && Array.isArray(cached.absent);
    return isValid ? cached : undefined;
  } catch {
    // Missing or damaged: compile again.
    return undefined;
  }
}

/** The only file names that are read or removed: the index may have been edited. */
const compiledName = /^[0-9a-f]{16}\.m?js$/;
