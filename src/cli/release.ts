import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { temporaryName, writeFileAtomic } from '../disk/write.ts';
import { TasksError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { type GitState, parseReleaseFile, type ReleaseFile } from '../release/release-file.ts';
import { type Io, warner } from './io.ts';

/**
 * Warns where a release cannot be made again from what is under version control: changes that are in no commit, bases that
 * nothing pins. `strict`: refuses it.
 * @throws TasksError exit 1
 */
export function checkSources(plan: Plan, git: GitState | undefined, strict: boolean, io: Io): void {
  const doubts = [
    ...(git?.dirty ? ['the git tree has changes that are in no commit'] : []),
    ...(git === undefined ? ['the project is not in a git repository that has a commit'] : []),
    ...impureBases(plan),
  ];
  if (doubts.length === 0) return;
  if (strict)
    throw new TasksError(1, `--strict: this cannot be made again later\n${doubts.join('\n')}`, {
      hint: 'commit what changed; `tasks lock` pins images from outside',
    });
  for (const doubt of doubts) warner(io)(doubt);
}

/** One line for each thing that the keys cannot vouch for, with the tasks that it is said of. */
function impureBases(plan: Plan): string[] {
  const tasks = new Map<string, TaskId[]>();
  for (const { task, selected, reasons } of plan.steps.values())
    for (const { code, detail } of selected ? reasons : [])
      if (code === 'impure') tasks.set(detail, [...(tasks.get(detail) ?? []), task.id]);
  return [...tasks].map(
    ([detail, ids]) => `${ids[0]}${ids.length > 1 ? ` and ${ids.length - 1} more` : ''}: ${detail}`,
  );
}

/** Where a release file goes: where --output says, or below `.cache`. */
export function releasePath(output: string | undefined, started: Date, cacheFolder: string, io: Io): string {
  if (output !== undefined) return path.resolve(io.cwd, output);
  // To the millisecond: a script may push twice a second.
  const stamp = started.toISOString().replace(/\D/g, '').slice(0, 17);
  return path.join(cacheFolder, 'releases', `${stamp}.json`);
}

/**
 * Makes sure that a release file can be written, before anything is pushed. A file that is there keeps its content; none is
 * left where there was none.
 * @throws TasksError exit 2 for --output, else 3
 */
export function checkWritable(file: string, isChosen: boolean): void {
  try {
    makeFolder(path.dirname(file));
    const state = statSync(file, { throwIfNoEntry: false });
    if (state === undefined) {
      if (lstatSync(file, { throwIfNoEntry: false }) !== undefined)
        throw new Error(`${file} is a link that leads nowhere`);
      // Under another name: nobody may take an empty file for a release.
      const probe = temporaryName(path.join(path.dirname(file), 'probe'));
      closeSync(openSync(probe, 'wx'));
      unlinkSync(probe);
    } else if (state.isFile()) closeSync(openSync(file, 'r+'));
    else if (state.isDirectory()) throw new Error(`${file} is a folder`);
    else accessSync(file, constants.W_OK);
  } catch (error) {
    const what = isChosen ? '--output' : 'the release file';
    throw new TasksError(isChosen ? 2 : 3, `${what} cannot be written: ${(error as Error).message}`, {
      hint: 'nothing is pushed; `--output FILE` writes the release file elsewhere',
      cause: error,
    });
  }
}

/** Node's own `recursive` never ends where a file system refuses new folders with ENOENT, as /proc does (seen with Node 20). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
}

/**
 * Writes a release file, of what is published already. Where that fails it is kept below `.cache` instead. Returns its path, as a
 * person would type it.
 * @throws TasksError exit 3 where it is not where it was wanted
 */
export function saveRelease(release: ReleaseFile, file: string, fallback: string, io: Io): string {
  const text = `${JSON.stringify(release, undefined, 2)}\n`;
  const save = (target: string): void => {
    makeFolder(path.dirname(target));
    // Our own place is read by others at any time. A place that a person chose may be a link or a device.
    if (target === fallback) writeFileAtomic(target, text);
    else writeFileSync(target, text);
  };
  try {
    save(file);
  } catch (error) {
    const message = `everything is published, but the release file cannot be written: ${(error as Error).message}`;
    try {
      save(fallback);
    } catch {
      // What is wrong with the first one is told.
      throw new TasksError(3, message, {
        hint: 'push again with another --output: nothing is uploaded twice',
        cause: error,
      });
    }
    throw new TasksError(3, message, { hint: `it is kept as ${typed(fallback, io)}`, cause: error });
  }
  return typed(file, io);
}

function typed(file: string, io: Io): string {
  const relative = path.relative(io.cwd, file);
  return relative.startsWith('..') ? file : relative;
}

/** Reads a release file that a person named. @throws TasksError exit 2 */
export function readRelease(file: string, io: Io): ReleaseFile {
  let text: string;
  try {
    text = readFileSync(path.resolve(io.cwd, file), 'utf8');
  } catch (error) {
    throw new TasksError(2, `cannot read the release file: ${(error as Error).message}`, {
      hint: '`tasks push --release` writes one and says where',
    });
  }
  return parseReleaseFile(text, file);
}
