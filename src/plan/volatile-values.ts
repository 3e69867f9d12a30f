import type { Observed } from '../model/observed.ts';
import type { ImageTask } from '../model/task.ts';

/** What changes by itself: the commit of the checkout (undefined without one), and the time. */
export interface Moment {
  readonly commit: string | undefined;
  readonly now: Date;
}

/** Returns whether a value may be a commit or an abbreviated one. */
export function mayBeCommit(value: string): boolean {
  return /(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])/.test(value);
}

/**
 * Returns warnings about labels and args that are part of the key and contain the current commit or the current time, so that the
 * task is rebuilt although nothing that it is made from has changed. `observed` tells which args count, if it is known.
 */
export function findVolatileValues(
  task: ImageTask,
  observed: Observed | undefined,
  moment: Moment,
): string[] {
  const labels = Object.entries(task.labels).flatMap(([name, value]) =>
    describe(`the label ${name}`, value, moment, 'move it to volatileLabels'),
  );
  const counts = (name: string): boolean =>
    observed?.kind !== 'image' || observed.reachable === undefined || observed.reachable.args.includes(name);
  const args = Object.entries(task.args).flatMap(([name, value]) =>
    counts(name)
      ? describe(`the arg ${name}`, value, moment, 'if it is only for a label, set that in volatileLabels')
      : [],
  );
  return [...labels, ...args];
}

function describe(what: string, value: string, moment: Moment, advice: string): string[] {
  const found = findVolatile(value, moment);
  if (found === undefined) return [];
  const rebuilds = { commit: 'commit', time: 'run', date: 'day' }[found];
  return [`${what} contains the current ${found}, so each ${rebuilds} rebuilds the image: ${advice}`];
}

/** Returns what a value contains that is another one in the next commit, run or day; undefined if there is nothing. */
export function findVolatile(value: string, { commit, now }: Moment): 'commit' | 'time' | 'date' | undefined {
  if (commit !== undefined && containsCommit(value, commit)) return 'commit';
  return containsTime(value, now);
}

function containsCommit(value: string, commit: string): boolean {
  return (value.match(/(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])/g) ?? []).some((hex) =>
    commit.startsWith(hex),
  );
}

/** Definitions are evaluated shortly before. */
const recentMs = 10 * 60_000;

/** Tells whether a value contains the current time or date: ISO 8601, the same without separators, or seconds since 1970. */
function containsTime(value: string, now: Date): 'time' | 'date' | undefined {
  const isRecent = (time: number): boolean => Math.abs(now.getTime() - time) < recentMs;
  const iso = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?/.exec(value)?.[0];
  if (iso !== undefined && isRecent(Date.parse(/[Z+]|-\d\d:?\d\d$/.test(iso.slice(10)) ? iso : `${iso}Z`)))
    return 'time';
  const [, year, month, day, hour, minute] =
    /(?<!\d)(20\d\d)(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)?Z?(?!\d)/.exec(value) ?? [];
  if (year !== undefined && isRecent(Date.parse(`${year}-${month}-${day}T${hour}:${minute}Z`))) return 'time';
  const seconds = /(?<!\d)1\d{9}(?=\d{3}(?!\d)|(?!\d))/.exec(value)?.[0];
  if (seconds !== undefined && isRecent(Number(seconds) * 1000)) return 'time';
  const today = now.toISOString().slice(0, 10);
  return [today, today.replaceAll('-', '')].some((date) =>
    new RegExp(`(?<![0-9a-z])${date}(?![0-9a-z])`).test(value),
  )
    ? 'date'
    : undefined;
}
