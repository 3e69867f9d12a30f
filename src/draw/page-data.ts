import type { Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import type { Picture, PictureTask } from './picture.ts';

/** An input of a task with its current value. */
export type Input = readonly [kind: string, name: string, value: string];

/** A task as the page shows it. */
export interface PageTask extends PictureTask {
  readonly description?: string;
  /** The file and export that define it. */
  readonly where: string;
  readonly key: string;
  /** The references of the image after a build. */
  readonly tags: readonly string[];
  /** Ranges of `PageData.inputs`. */
  readonly inputs: readonly (readonly [first: number, count: number])[];
  /** The number of inputs that were left out to limit the size of the page. */
  readonly moreInputs?: number;
  /** The last result. */
  readonly last?: {
    readonly time: string;
    readonly ms: number;
    readonly bytes: number;
    readonly image?: string;
    /** The ID of the run that made it. */
    readonly run?: string;
    /** The builder node that built it. */
    readonly node?: string;
  };
  readonly log?: LogTail;
}

export interface LogTail {
  readonly file: string;
  /** The last lines. */
  readonly lines: readonly string[];
}

/** The data of a page. It is embedded as JSON. */
export interface PageData {
  readonly title: string;
  /** The beginning of a command for this project: `tasks`, with its profile. */
  readonly command: string;
  /** When the page was rendered, in ISO 8601. */
  readonly time: string;
  readonly tasks: readonly PageTask[];
  /** The inputs of all tasks, without duplicates. */
  readonly inputs: readonly Input[];
  /** True if the page can get events from the server that it came from. */
  readonly isLive: boolean;
}

/** Facts about a task that the picture does not contain. */
export interface TaskFacts {
  readonly description: string | undefined;
  readonly where: string;
  readonly key: string;
  readonly tags: readonly string[];
  readonly manifest: Manifest | undefined;
  readonly record: TaskRecord | undefined;
  readonly expectedMs: number | undefined;
  readonly log: LogTail | undefined;
}

/** Limits for the inputs of a task, and for the characters of all logs together. */
interface SizeLimits {
  readonly inputs: number;
  readonly logs: number;
}

/** The first limits that keep the data below `maxCharacters` are used, or else the last. */
const sizeLimits: readonly SizeLimits[] = [
  { inputs: 150, logs: 400_000 },
  { inputs: 40, logs: 200_000 },
  { inputs: 10, logs: 100_000 },
  { inputs: 0, logs: 50_000 },
];
const maxCharacters = 1_700_000;
/** The length to which log lines, names and values are cut. */
const maxLineLength = 300;

/** Returns the data of a page, with fewer inputs and logs if the page would get too large. */
export function makePageData(
  picture: Picture,
  facts: ReadonlyMap<TaskId, TaskFacts>,
  about: Pick<PageData, 'title' | 'command' | 'time' | 'isLive'>,
): PageData {
  let data: PageData | undefined;
  for (const limits of sizeLimits) {
    data = { ...about, ...collectTasks(picture, facts, limits) };
    if (JSON.stringify(data).length <= maxCharacters) break;
  }
  return data!;
}

function collectTasks(
  picture: Picture,
  facts: ReadonlyMap<TaskId, TaskFacts>,
  limits: SizeLimits,
): Pick<PageData, 'tasks' | 'inputs'> {
  const table = makeInputTable();
  const logs = chooseLogs(picture, facts, limits.logs);
  const tasks = picture.tasks.map((task): PageTask => {
    const { description, where, key, tags, manifest, record, expectedMs } = facts.get(task.id)!;
    const inputs = (manifest?.lines ?? []).flatMap(([kind, name, value]) => shownInput(kind, name, value));
    const moreInputs = inputs.length - limits.inputs;
    const log = logs.get(task.id);
    return {
      ...task,
      ...(description !== undefined ? { description } : {}),
      where,
      key,
      tags,
      inputs: table.add(inputs.slice(0, limits.inputs)),
      ...(moreInputs > 0 ? { moreInputs } : {}),
      ...(expectedMs !== undefined ? { expectedMs } : {}),
      ...(record !== undefined ? { last: lastResult(record) } : {}),
      ...(log !== undefined ? { log } : {}),
    };
  });
  return { tasks, inputs: table.inputs };
}

function lastResult(record: TaskRecord): NonNullable<PageTask['last']> {
  const { time, durationMs, bytes, imageId, run, node } = record;
  return {
    time,
    ms: durationMs,
    bytes,
    ...(imageId !== undefined ? { image: imageId } : {}),
    ...(run !== undefined ? { run } : {}),
    ...(node !== undefined ? { node } : {}),
  };
}

/**
 * Returns an input with shortened digests, or nothing if the page shows it elsewhere. Values of environment variables are
 * removed, because pages are published and the values may be secret.
 */
function shownInput(kind: string, name: string, value: string): Input[] {
  if (kind === 'task' || kind === 'need') return [];
  if (kind === 'env') return [[kind, name, value === 'unset' ? value : 'set']];
  return [[kind, clip(name), clip(value.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1…'))]];
}

function clip(text: string): string {
  return text.length > maxLineLength ? `${text.slice(0, maxLineLength)}…` : text;
}

/** Collects inputs without duplicates. `add` returns ranges of the collected inputs. */
function makeInputTable() {
  const inputs: Input[] = [];
  const indices = new Map<string, number>();
  const indexOf = (input: Input): number => {
    const text = JSON.stringify(input);
    const known = indices.get(text);
    if (known !== undefined) return known;
    indices.set(text, inputs.length);
    return inputs.push(input) - 1;
  };
  const add = (added: readonly Input[]): [first: number, count: number][] => {
    const ranges: [first: number, count: number][] = [];
    for (const index of added.map(indexOf)) {
      const last = ranges.at(-1);
      if (last !== undefined && last[0] + last[1] === index) last[1]++;
      else ranges.push([index, 1]);
    }
    return ranges;
  };
  return { inputs, add };
}

/** Returns the logs within a limit of characters. Failed tasks come first; logs beyond the limit have no lines. */
function chooseLogs(
  { tasks }: Picture,
  facts: ReadonlyMap<TaskId, TaskFacts>,
  maxCharacters: number,
): Map<TaskId, LogTail> {
  const chosen = new Map<TaskId, LogTail>();
  let room = maxCharacters;
  for (const isFailed of [true, false])
    for (const { id, state } of tasks) {
      const log = facts.get(id)?.log;
      if (log === undefined || (state === 'failed') !== isFailed) continue;
      const lines = log.lines.map(clip);
      room -= lines.reduce((sum, line) => sum + line.length, 0);
      chosen.set(id, { file: log.file, lines: room > 0 ? lines : [] });
    }
  return chosen;
}
