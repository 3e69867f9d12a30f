import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ObservedCommand, ObservedImage } from '../model/observed.ts';
import type { CommandTask } from '../model/task.ts';
import { type Listed, list, Unreadable } from '../observe/walk.ts';
import type { StepInput } from './step-input.ts';

/**
 * Returns possible causes, for people, of a rebuild that gave a different image. The cause must be external, because all files
 * sent to the build are keyed. The first step that BuildKit ran points to it, because all steps before were cached. Empty if no
 * cause was found.
 */
export function findImageEvidence(
  [first]: readonly string[],
  { impure, unpinnedFetches }: ObservedImage,
): string[] {
  const bases = impure
    .filter(({ kind }) => kind === 'image')
    .map(({ detail }) => `${detail}: the image may have changed`);
  const downloads = impure
    .filter(({ kind }) => kind === 'download')
    .map(({ source, detail }) => ({ source, text: `${detail}: the download may have changed` }));
  const [, number, text] = /^\[(?:\S+ +)?(\d+)\/\d+\] (.*)$/.exec(first ?? '') ?? [];
  // No step ran: BuildKit had cached this result, built with another base or download.
  if (text === undefined) return [...bases, ...downloads.map((download) => download.text)];
  const isFetched = (what: string): boolean => text.startsWith('RUN ') && text.includes(what.split(' ')[0]!);
  return [
    // Step 2 is the first one after FROM. (After FROM scratch this may list bases needlessly.)
    ...(number === '2' ? bases : []),
    ...downloads
      .filter(({ source }) => text.startsWith('ADD ') && text.includes(source))
      .map((download) => download.text),
    ...unpinnedFetches
      .filter((each) => isFetched(each.text))
      .map((each) => `line ${each.line}: ${each.what}: ${each.text}`),
  ];
}

/** The number of files that a message lists. */
const maxListedFiles = 5;
/** Longer programs and inputs are not searched for file names. */
const maxScriptBytes = 1 << 20;
const ignoredFolders = /(^|\/)(\.git|\.cache|node_modules)$/;

/**
 * Returns possible causes, for people, of a rerun that gave different files: undeclared files of the project that changed after
 * the command's record and before `until`, when it ran again. If the command's arguments, program or inputs mention some of
 * these files, returns only those.
 */
export function findCommandEvidence({ step, observations, services }: StepInput, until: Date): string[] {
  const task = step.task as CommandTask;
  const { program, inputs } = observations.get(task.id) as ObservedCommand;
  const programPath = program === undefined ? [] : [path.posix.normalize(program.path)];
  const declared = new Set([...inputs.map((each) => each.path), ...programPath, task.where.file]);
  const [after, before] = [Date.parse(step.record!.time), until.getTime()];
  const files = filesBelow(services.root);
  if (files === undefined) return [];
  const changed = files
    .filter((each) => changeTime(each) > after && changeTime(each) < before)
    .filter(({ path: name }) => !declared.has(name))
    .sort((a, b) => b.stat.stamp[1] - a.stat.stamp[1])
    .map(({ path: name }) => name);
  if (changed.length === 0)
    return [
      'no undeclared file in the project changed; the cause may be a deleted file, a file outside the project, or the time',
    ];
  const texts = [...task.run, ...[...declared].map((name) => scriptText(services.root, name))];
  const mentioned = changed.filter((name) => texts.some((text) => text.includes(path.posix.basename(name))));
  const listed = mentioned.length > 0 ? mentioned : changed;
  const more = listed.length > maxListedFiles ? ` and ${listed.length - maxListedFiles} more` : '';
  const what = mentioned.length > 0 ? ' that it mentions' : '';
  return [`undeclared files${what} changed: ${listed.slice(0, maxListedFiles).join(', ')}${more}`];
}

/** Returns the ctime in milliseconds, which programs cannot set back. */
function changeTime({ stat }: Listed): number {
  return stat.stamp[2];
}

/** Returns undefined if not all files can be listed. */
function filesBelow(root: string): Listed[] | undefined {
  try {
    const filter = { omits: (name: string) => ignoredFolders.test(name), mayEnter: () => false };
    return list(root, filter).filter(({ stat }) => stat.kind !== 'folder');
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

function scriptText(root: string, name: string): string {
  try {
    const bytes = readFileSync(path.join(root, name));
    return bytes.length > maxScriptBytes ? '' : bytes.toString('utf8');
  } catch {
    // A folder, or deleted in the meantime.
    return '';
  }
}
