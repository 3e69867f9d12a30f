import path from 'node:path';
import type { RunEvent, TaskFailure } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { adviceFor } from './cause-advice.ts';
import { pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** A task that failed, and why. */
export interface FailedTask {
  readonly id: TaskId;
  readonly error: TaskFailure;
}

/** Who reads what a reporter writes. */
export interface Reader {
  /** Paths of logs are relative to this folder. */
  readonly folder: string;
  /** Returns a message with commands of ours as the reader would type them. */
  pasteable(text: string): string;
}

/** Returns the failure that an event reports. A task that is blocked for a cause of its own counts, too: it was never tried. */
export function failureOf({ id, outcome, error }: FinishedTask): FailedTask | undefined {
  if (error === undefined) return undefined;
  const isFailure = outcome === 'failed' || (outcome === 'blocked' && error.cause !== undefined);
  return isFailure ? { id, error } : undefined;
}

type FinishedTask = Extract<RunEvent, { type: 'task-finished' }>;

/** How many lines of output and how many tasks a failure shows. The log has everything. */
const maxLines = 5;
const maxIds = 8;

/** Returns what failed in a few words: `RUN ended with exit code 2`, `COPY: "/a" not found`. */
export function failureTitle({ message, instruction, exitCode }: TaskFailure): string {
  const [first = ''] = message.split('\n');
  if (instruction === undefined) return first;
  if (exitCode !== undefined && /^exit code: \d+$/.test(first))
    return `${instruction} ended with exit code ${exitCode}`;
  return `${instruction}: ${first}`;
}

/** Returns the blocks of `failureGroups` as lines, with a blank line around each. */
export function failureBlocks(failures: readonly FailedTask[], paint: Paint, reader: Reader): string[] {
  const blocks = failureGroups(failures, paint, reader);
  return blocks.length === 0 ? [] : [...blocks.flatMap((lines) => ['', ...lines]), ''];
}

/**
 * Returns the blocks of lines that show why tasks failed: which and what, then the place in the Dockerfile, the last output, and what
 * to do. Tasks that failed the same way share a block.
 */
export function failureGroups(failures: readonly FailedTask[], paint: Paint, reader: Reader): string[][] {
  const groups = new Map<string, FailedTask[]>();
  for (const failure of failures) {
    const kind = kindOf(failure);
    groups.set(kind, [...(groups.get(kind) ?? []), failure]);
  }
  return [...groups.values()].map((group) => blockOf(group, paint, reader));
}

/** Numbers are left out: versions that fail the same way write their own. */
function kindOf({ id, error }: FailedTask): string {
  const { file, line, exitCode, cause, lines = [], stderr = [] } = error;
  const said = [failureTitle(error), stderr.at(-1) ?? lines.at(-1) ?? '']
    .map((text) => text.replaceAll(id, '').replace(/\d+/g, '0'))
    .join('\n');
  return JSON.stringify([file, line, exitCode, cause, said]);
}

function blockOf(
  [first, ...others]: readonly FailedTask[],
  paint: Paint,
  { folder, pasteable }: Reader,
): string[] {
  const { id, error } = first!;
  const ids = [id, ...others.map((each) => each.id)];
  const more = ids.length > maxIds ? ` and ${ids.length - maxIds} more` : '';
  const title = paint.bold(`${ids.slice(0, maxIds).join(', ')}${more}`);
  const [, ...hints] = error.message.split('\n');
  // A hint about this very failure is better than general advice.
  const help = hints.length > 0 ? hints : [adviceFor(error.cause)].filter((text) => text !== undefined);
  return [
    `${paint.bad('✖')} ${title}  ${failureTitle(error)}`,
    ...excerptLines(error, paint),
    ...lastLines(error, maxLines).map((line) => `  ${paint.dim('│')} ${line}`),
    ...help.map((line) => `  ${paint.warn('help:')} ${pasteable(line)}`),
    ...(error.log === undefined ? [] : [paint.dim(`  log: ${shortPath(error.log, folder)}`)]),
  ];
}

/**
 * The last output. Engines give the order of lines only within a stream, so an error on standard error can precede output that was
 * written long before it: its last lines are always shown.
 */
export function lastLines({ lines = [], stderr = [] }: TaskFailure, count: number): string[] {
  const last = lines.slice(-count);
  const hidden = stderr.slice(-2).filter((line) => !last.includes(line));
  return [...hidden, ...last.slice(Math.max(0, last.length + hidden.length - count))];
}

/** The place and the text of the instruction. */
function excerptLines({ file, line, endLine = line, excerpt = [] }: TaskFailure, paint: Paint): string[] {
  if (file === undefined || line === undefined) return [];
  const hidden = excerpt.length === 0 ? 0 : endLine! - line + 1 - excerpt.length;
  return [
    `  ${file}:${line}`,
    ...excerpt.map((text) => `  ${paint.bad('>')} ${text}`),
    ...(hidden > 0 ? [paint.dim(`  > … ${pluralize(hidden, 'more line')}`)] : []),
  ];
}

function shortPath(file: string, folder: string): string {
  const relative = path.relative(folder, file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}
