import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileClock, isSameStamp, isSettled, type Stamp, stampOf } from '../disk/stamp.ts';
import { writeWhole } from '../disk/write.ts';
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
  /** Source map. */
  readonly map: string;
}

/** What is kept beside compiled code, to tell whether it is current. */
interface Kept {
  readonly form: Form;
  /** Its name in the cache folder. */
  readonly name: string;
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
  const { files, root, programId, defineModule, cacheFolder } = options;
  const identity = JSON.stringify([files, root, programId, process.version, defineModule]);
  const index = path.join(cacheFolder, 'index.json');
  const kept = readKept(index);
  const asCompiled = ({ form, name }: Pick<Kept, 'form' | 'name'>): Compiled => {
    const file = path.join(cacheFolder, name);
    return { form, file, map: `${file}.map` };
  };
  if (kept?.identity === identity && isCurrent(kept, cacheFolder)) return asCompiled(kept);
  const { bundle } = await import('./bundle.ts');
  const clock = fileClock(index);
  const { form, text, map, inputs, folders } = await bundle(options);
  const digest = createHash('sha256').update(identity).update(text).digest('hex');
  const name = `${digest.slice(0, 16)}.${form === 'module' ? 'mjs' : 'js'}`;
  const compiled = asCompiled({ form, name });
  writeWhole(compiled.map, map);
  writeWhole(compiled.file, text);
  const now: Kept = { form, name, identity, ...standing({ inputs, folders }, clock) };
  writeWhole(index, JSON.stringify(now));
  if (kept !== undefined && kept.name !== name)
    for (const old of [kept.name, `${kept.name}.map`]) rmSync(path.join(cacheFolder, old), { force: true });
  return compiled;
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

/** Absolute paths of the files that definitions were last compiled from; none where they never were. */
export function compiledFrom(cacheFolder: string): string[] {
  return Object.keys(readKept(path.join(cacheFolder, 'index.json'))?.inputs ?? {});
}

function isCurrent({ inputs, absent, folders, name }: Kept, cacheFolder: string): boolean {
  const stands = ([file, stamp]: [string, Stamp | null]): boolean => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat !== undefined && stamp !== null && isSameStamp(stampOf(stat), stamp);
  };
  return (
    Object.entries(inputs).every(stands) &&
    absent.every((file) => statSync(file, { throwIfNoEntry: false }) === undefined) &&
    Object.entries(folders).every(
      ([folder, names]) => names !== null && JSON.stringify(namesIn(folder)) === JSON.stringify(names),
    ) &&
    lstatSync(path.join(cacheFolder, name), { throwIfNoEntry: false })?.isFile() === true
  );
}

/** The names in a folder, with where links lead: imports follow them. */
function namesIn(folder: string): string[] {
  return entriesOf(folder)
    .map((entry) =>
      entry.isSymbolicLink() ? `${entry.name} ${targetOf(path.join(folder, entry.name))}` : entry.name,
    )
    .sort();
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function targetOf(link: string): string {
  try {
    return realpathSync(link);
  } catch {
    // Dangling.
    return '';
  }
}

function readKept(index: string): Kept | undefined {
  try {
    const kept = JSON.parse(readFileSync(index, 'utf8')) as Kept;
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
