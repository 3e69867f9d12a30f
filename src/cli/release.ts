import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { TasksError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { type GitState, parseReleaseFile, type ReleaseFile } from '../release/file.ts';
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

/** Writes a release file where --output says, or below `.cache`. Returns its path, as a person would type it. */
export function saveRelease(
  release: ReleaseFile,
  output: string | undefined,
  cacheFolder: string,
  io: Io,
): string {
  // To the millisecond: a script may push twice a second.
  const stamp = release.started.replace(/\D/g, '').slice(0, 17);
  const file =
    output === undefined ? path.join(cacheFolder, 'releases', `${stamp}.json`) : path.resolve(io.cwd, output);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(release, undefined, 2)}\n`);
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
