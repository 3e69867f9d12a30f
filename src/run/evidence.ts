import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ObservedCommand, ObservedImage } from '../model/observed.ts';
import type { CommandTask } from '../model/task.ts';
import { type Listed, list, Unreadable } from '../observe/walk.ts';
import type { StepInput } from './image-step.ts';

/**
 * What may be behind another image, from the first step that BuildKit carried out: all that it stands on was there. What is
 * sent to a build is what its key knows, so it is something from outside. Empty where nothing points anywhere.
 */
export function findImageEvidence(
  [first]: readonly string[],
  { impure, unpinnedFetches }: ObservedImage,
): string[] {
  const bases = impure
    .filter((text) => text.endsWith('is not pinned by digest'))
    .map((text) => `${text}: it may be another image now`);
  const downloads = impure.flatMap((each) => {
    const source = /^line \d+: (.*) has no checksum$/.exec(each)?.[1];
    return source === undefined ? [] : [{ source, said: `${each}: it may give something else now` }];
  });
  const [, number, text] = /^\[(?:\S+ +)?(\d+)\/\d+\] (.*)$/.exec(first ?? '') ?? [];
  // Nothing ran: what is made now was made before, from something else from outside.
  if (text === undefined) return [...bases, ...downloads.map(({ said }) => said)];
  const isFetched = (what: string): boolean => text.startsWith('RUN ') && text.includes(what.split(' ')[0]!);
  return [
    // The first step behind a FROM (behind scratch it is the second: this says too much rather than too little).
    ...(number === '2' ? bases : []),
    ...downloads
      .filter(({ source }) => text.startsWith('ADD ') && text.includes(source))
      .map(({ said }) => said),
    ...unpinnedFetches
      .filter((each) => isFetched(each.text))
      .map((each) => `line ${each.line}: ${each.what}: ${each.text}`),
  ];
}

/** As many files as are named. */
const most = 5;
/** A program or an input that is longer is no script that names files. */
const scriptBytes = 1 << 20;
const foreign = /(^|\/)(\.git|\.cache|node_modules)$/;

/**
 * What may be behind other files of a command: files of the project that changed after its record and before it was run
 * again (`until`), and that it does not declare; those whose names stand in its arguments, its program or its inputs, or
 * else all.
 */
export function findCommandEvidence({ step, observations, services }: StepInput, until: Date): string[] {
  const task = step.task as CommandTask;
  const { program, inputs } = observations.get(task.id) as ObservedCommand;
  const own = program === undefined ? [] : [path.posix.normalize(program.path)];
  const declared = new Set([...inputs.map((each) => each.path), ...own, task.where.file]);
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
      'no undeclared file here is newer: one that is gone, something outside of the project, or the time',
    ];
  const texts = [...task.run, ...[...declared].map((name) => scriptText(services.root, name))];
  const named = changed.filter((name) => texts.some((text) => text.includes(path.posix.basename(name))));
  const shown = named.length > 0 ? named : changed;
  const more = shown.length > most ? ` and ${shown.length - most} more` : '';
  const what = named.length > 0 ? 'changed since, named in what it runs' : 'changed since';
  return [`${what}, and not declared: ${shown.slice(0, most).join(', ')}${more}`];
}

/** In milliseconds; no program can put it back. */
function changeTime({ stat }: Listed): number {
  return stat.stamp[2];
}

/** Undefined where not all of them can be listed. */
function filesBelow(root: string): Listed[] | undefined {
  try {
    const filter = { omits: (name: string) => foreign.test(name), mayEnter: () => false };
    return list(root, filter).filter(({ stat }) => stat.kind !== 'folder');
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

function scriptText(root: string, name: string): string {
  try {
    const bytes = readFileSync(path.join(root, name));
    return bytes.length > scriptBytes ? '' : bytes.toString('utf8');
  } catch {
    // A folder, or gone by now.
    return '';
  }
}
