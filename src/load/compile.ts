import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileClock, isSameStamp, isSettled, type Stamp, stampOf } from '../disk/stamp.ts';
import type { BundleOptions, Form } from './bundle.ts';

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
interface Kept extends Compiled {
  readonly identity: string;
  /** Every file that went in, by absolute path. null: it was too new to tell by its stamp whether it changed since. */
  readonly inputs: Readonly<Record<string, Stamp | null>>;
  /** The names in every folder that decides what an import means. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
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
  if (kept?.identity === identity && isCurrent(kept)) return kept;
  const { bundle } = await import('./bundle.ts');
  const clock = fileClock(index);
  const { form, text, map, inputs, folders } = await bundle(options);
  const digest = createHash('sha256').update(identity).update(text).digest('hex');
  const file = path.join(cacheFolder, `${digest.slice(0, 16)}.${form === 'module' ? 'mjs' : 'js'}`);
  const compiled = { form, file, map: `${file}.map` };
  const stamps = [...inputs].map(([name, stamp]) => [name, isSettled(stamp, clock) ? stamp : null]);
  writeWhole(compiled.map, map);
  writeWhole(file, text);
  writeWhole(
    index,
    JSON.stringify({
      ...compiled,
      identity,
      inputs: Object.fromEntries(stamps),
      folders: namesIn(folders),
    } satisfies Kept),
  );
  if (kept !== undefined && kept.file !== file)
    for (const old of [kept.file, kept.map]) rmSync(old, { force: true });
  return compiled;
}

/** Absolute paths of the files that definitions were last compiled from; none where they never were. */
export function compiledFrom(cacheFolder: string): string[] {
  return Object.keys(readKept(path.join(cacheFolder, 'index.json'))?.inputs ?? {});
}

function isCurrent({ inputs, folders, file }: Kept): boolean {
  const stands = ([name, stamp]: [string, Stamp | null]): boolean => {
    const stat = lstatSync(name, { throwIfNoEntry: false });
    return stat !== undefined && stamp !== null && isSameStamp(stampOf(stat), stamp);
  };
  return (
    Object.entries(inputs).every(stands) &&
    JSON.stringify(namesIn(Object.keys(folders))) === JSON.stringify(folders) &&
    lstatSync(file, { throwIfNoEntry: false }) !== undefined
  );
}

/** The names in each folder, with where links lead: imports follow them. */
function namesIn(folders: Iterable<string>): Record<string, string[]> {
  const names = (folder: string): string[] =>
    entriesOf(folder).map((entry) =>
      entry.isSymbolicLink() ? `${entry.name} ${targetOf(path.join(folder, entry.name))}` : entry.name,
    );
  return Object.fromEntries([...folders].map((folder) => [folder, names(folder).sort()]));
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
    return typeof kept.file === 'string' && typeof kept.folders === 'object' ? kept : undefined;
  } catch {
    // Not there, or half written: compiled anew.
    return undefined;
  }
}

function writeWhole(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, file);
}
