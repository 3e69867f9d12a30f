import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { checksum } from '../disk/checksum.ts';
import { isLink } from '../disk/disk.ts';
import { readRegularFile } from '../disk/read.ts';
import { isSameStamp, isSettled, readFileSystemClock, type Stamp, stampOf } from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';
import type { Bundle, BundleOptions, Form } from './bundle.ts';

/** What compiling needs to know: everything that can change its result is in here or in the files that it reads. */
export interface CompileOptions extends BundleOptions {
  /** Of the program that compiles: another one may compile otherwise. */
  readonly programId: string;
}

/** Compiled code of all definition files; paths are absolute. */
export interface Compiled {
  readonly form: Form;
  readonly file: string;
  readonly text: string;
  /** Source map. */
  readonly map: string;
}

/** What is kept beside compiled code, to tell whether it is current. */
interface Kept {
  readonly form: Form;
  /** Its name in the cache folder. */
  readonly name: string;
  /** Of its text, which may be damaged. */
  readonly sum: number;
  readonly identity: string;
  /**
   * Every file that went in or that says what imports mean, by absolute path. null: it was too new to tell by its stamp whether
   * it changed since.
   */
  readonly inputs: Readonly<Record<string, Stamp | null>>;
  /** Where files that say what imports mean might be, and are not. */
  readonly absent: readonly string[];
  /** The names in every folder that decides what an import means; null: as for `inputs`. */
  readonly folders: Readonly<Record<string, readonly string[] | null>>;
}

/**
 * Compiles all definition files together. What was compiled before is used again while every file that went into it stands
 * still.
 * @throws DefinitionError exit 2
 */
export async function compile(options: CompileOptions): Promise<Compiled> {
  const { files, root, programId, cacheFolder } = options;
  const identity = JSON.stringify([files, root, programId, process.version]);
  const index = path.join(cacheFolder, 'index.json');
  const kept = readKept(index);
  const asCompiled = ({ form, name }: Pick<Kept, 'form' | 'name'>, text: string): Compiled => {
    const file = path.join(cacheFolder, name);
    return { form, file, text, map: `${file}.map` };
  };
  const current = kept?.identity === identity ? currentText(kept, cacheFolder) : undefined;
  if (current !== undefined) return asCompiled(kept!, current);
  const { bundle } = await import('./bundle.ts');
  const clock = readFileSystemClock(index);
  const isElsewhere = !isBelow(realPlace(root), realPlace(cacheFolder));
  const { form, text, map, inputs, folders } = await bundle({ ...options, isElsewhere });
  const digest = createHash('sha256').update(identity).update(text).digest('hex');
  const name = `${digest.slice(0, 16)}.${form === 'module' ? 'mjs' : 'js'}`;
  const compiled = asCompiled({ form, name }, text);
  writeFileAtomic(compiled.map, map);
  writeFileAtomic(compiled.file, text);
  // Where packages are to be found is looked up in each run.
  const isLasting = !isElsewhere || form === 'script';
  const sum = checksum(Buffer.from(text));
  const now: Kept = { form, name, sum, identity, ...standing({ inputs, folders }, isLasting ? clock : 0) };
  writeFileAtomic(index, JSON.stringify(now));
  if (kept !== undefined && kept.name !== name)
    for (const old of [kept.name, `${kept.name}.map`]) rmSync(path.join(cacheFolder, old), { force: true });
  return compiled;
}

/** Where a folder really is, or will be once it is there. */
function realPlace(folder: string): string {
  const real = targetOf(folder);
  if (real !== '' || path.dirname(folder) === folder) return real || folder;
  return path.join(realPlace(path.dirname(folder)), path.basename(folder));
}

function isBelow(folder: string, other: string): boolean {
  return other.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** How all stands that the compiled text hangs on. `clock`: the file system's, before anything of it was read. */
function standing(
  { inputs, folders }: Pick<Bundle, 'inputs' | 'folders'>,
  clock: number,
): Pick<Kept, 'inputs' | 'absent' | 'folders'> {
  const settled = (stamp: Stamp): Stamp | null => (isSettled(stamp, clock) ? stamp : null);
  const stamps: Record<string, Stamp | null> = {};
  const absent: string[] = [];
  for (const [file, stamp] of inputs) stamps[file] = settled(stamp);
  for (const file of packageFiles(inputs.keys())) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) absent.push(file);
    else stamps[file] ??= settled(stampOf(stat));
  }
  const names = [...folders].map((folder): [string, readonly string[] | null] => {
    const found = namesIn(folder);
    const stat = statSync(folder, { throwIfNoEntry: false });
    return [folder, stat === undefined || settled(stampOf(stat)) ? found : null];
  });
  return { inputs: stamps, absent, folders: Object.fromEntries(names) };
}

/** Every `package.json` above these files: they say what kind of module a file is, and what `#names` mean. */
function packageFiles(files: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const file of files)
    for (let at = path.dirname(file); !folders.has(at); at = path.dirname(at)) folders.add(at);
  return [...folders].map((folder) => path.join(folder, 'package.json'));
}

/**
 * Absolute paths of the files that definitions were last compiled from, and of the folders where their imports are looked for,
 * as imports name them; none where they never were.
 */
export function compiledInputs(cacheFolder: string): { files: string[]; folders: string[] } {
  const kept = readKept(path.join(cacheFolder, 'index.json'));
  return { files: Object.keys(kept?.inputs ?? {}), folders: Object.keys(kept?.folders ?? {}) };
}

/** The compiled text, where all that it hangs on stands as it did. */
function currentText({ inputs, absent, folders, name, sum }: Kept, cacheFolder: string): string | undefined {
  const stands = ([file, stamp]: [string, Stamp | null]): boolean => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat !== undefined && stamp !== null && isSameStamp(stampOf(stat), stamp);
  };
  try {
    const isCurrent =
      Object.entries(inputs).every(stands) &&
      absent.every((file) => statSync(file, { throwIfNoEntry: false }) === undefined) &&
      Object.entries(folders).every(
        ([folder, names]) => names !== null && JSON.stringify(namesIn(folder)) === JSON.stringify(names),
      );
    const file = path.join(cacheFolder, name);
    if (!isCurrent || isLink(file)) return undefined;
    const text = readRegularFile(file);
    return checksum(text) === sum ? text.toString() : undefined;
  } catch {
    // What cannot be asked for does not stand as it did: compiled anew, which says what is wrong.
    return undefined;
  }
}

/** Where a folder really is, and the names in it with where links lead: imports follow links. */
function namesIn(folder: string): string[] {
  const names = entriesOf(folder).map((entry) =>
    entry.isSymbolicLink() ? `${entry.name} ${targetOf(path.join(folder, entry.name))}` : entry.name,
  );
  return [targetOf(folder), ...names.sort()];
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function targetOf(link: string): string {
  try {
    return realpathSync.native(link);
  } catch {
    // Dangling.
    return '';
  }
}

function readKept(index: string): Kept | undefined {
  try {
    const kept = JSON.parse(readRegularFile(index).toString()) as Kept;
    const isOurs =
      compiledName.test(kept.name) && typeof kept.folders === 'object' && Array.isArray(kept.absent);
    return isOurs ? kept : undefined;
  } catch {
    // Not there, or half written: compiled anew.
    return undefined;
  }
}

/** Nothing else is read or removed, whatever the index says. */
const compiledName = /^[0-9a-f]{16}\.m?js$/;
