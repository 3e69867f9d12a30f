import type { Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import type { Picture, PictureTask } from './picture.ts';

/** One input of a task: its kind, its name, and what it is now. */
export type Input = readonly [kind: string, name: string, value: string];

/** One task as the page shows it. */
export interface PageTask extends PictureTask {
  readonly description?: string;
  /** The file and export that define it. */
  readonly where: string;
  readonly key: string;
  /** References under which the image can be used after a build. */
  readonly tags: readonly string[];
  /** Runs of `PageData.inputs`: where each begins, and how many there are. */
  readonly inputs: readonly (readonly [first: number, count: number])[];
  /** Inputs that there was no room for. */
  readonly moreInputs?: number;
  /** Milliseconds that it took the last time, and will about take. */
  readonly expectedMs?: number;
  /** Its last result. */
  readonly last?: {
    readonly time: string;
    readonly ms: number;
    readonly bytes: number;
    readonly image?: string;
  };
  readonly log?: LogTail;
}

export interface LogTail {
  readonly file: string;
  /** The last lines. */
  readonly lines: readonly string[];
}

/** Everything that a page shows; plain JSON. */
export interface PageData {
  readonly title: string;
  /** When it was made, ISO 8601. */
  readonly time: string;
  readonly tasks: readonly PageTask[];
  /** Inputs of all tasks, those of several once. */
  readonly inputs: readonly Input[];
  /** True: events follow, from beside the page's own address. */
  readonly isLive: boolean;
}

/** What is known of a task besides the picture. */
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

/** What a page holds at most: inputs of one task, characters of all logs together. */
interface Room {
  readonly inputs: number;
  readonly logs: number;
}

/** The first of them with which the data have this many characters at most is taken, else the last. */
const rooms: readonly Room[] = [
  { inputs: 150, logs: 400_000 },
  { inputs: 40, logs: 200_000 },
  { inputs: 10, logs: 100_000 },
  { inputs: 0, logs: 50_000 },
];
const mostCharacters = 1_700_000;
const mostLine = 300;

/** A picture with its facts, as a page holds it; less of them where it would get too large to be sent around. */
export function makePageData(
  picture: Picture,
  facts: ReadonlyMap<TaskId, TaskFacts>,
  about: Pick<PageData, 'title' | 'time' | 'isLive'>,
): PageData {
  let data: PageData | undefined;
  for (const room of rooms) {
    data = { ...about, ...fill(picture, facts, room) };
    if (JSON.stringify(data).length <= mostCharacters) break;
  }
  return data!;
}

function fill(
  picture: Picture,
  facts: ReadonlyMap<TaskId, TaskFacts>,
  room: Room,
): Pick<PageData, 'tasks' | 'inputs'> {
  const table = makeTable();
  const logs = chooseLogs(picture, facts, room.logs);
  const tasks = picture.tasks.map((task): PageTask => {
    const { description, where, key, tags, manifest, record, expectedMs } = facts.get(task.id)!;
    const inputs = (manifest?.lines ?? []).flatMap(([kind, name, value]) => shownInput(kind, name, value));
    const left = inputs.length - room.inputs;
    const log = logs.get(task.id);
    return {
      ...task,
      ...(description !== undefined ? { description } : {}),
      where,
      key,
      tags,
      inputs: table.add(inputs.slice(0, room.inputs)),
      ...(left > 0 ? { moreInputs: left } : {}),
      ...(expectedMs !== undefined ? { expectedMs } : {}),
      ...(record !== undefined ? { last: lastOf(record) } : {}),
      ...(log !== undefined ? { log } : {}),
    };
  });
  return { tasks, inputs: table.inputs };
}

function lastOf({ time, durationMs, bytes, imageId }: TaskRecord): NonNullable<PageTask['last']> {
  return { time, ms: durationMs, bytes, ...(imageId !== undefined ? { image: imageId } : {}) };
}

/** Without what the page says elsewhere; digests short. A page travels: values of the environment are not on it. */
function shownInput(kind: string, name: string, value: string): Input[] {
  if (kind === 'task' || kind === 'need') return [];
  if (kind === 'env') return [[kind, name, value === 'unset' ? value : 'set']];
  return [[kind, clip(name), clip(value.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1…'))]];
}

function clip(text: string): string {
  return text.length > mostLine ? `${text.slice(0, mostLine)}…` : text;
}

function makeTable() {
  const inputs: Input[] = [];
  const indices = new Map<string, number>();
  const indexOf = (input: Input): number => {
    const text = JSON.stringify(input);
    const known = indices.get(text);
    if (known !== undefined) return known;
    indices.set(text, inputs.length);
    return inputs.push(input) - 1;
  };
  const add = (own: readonly Input[]): [number, number][] => {
    const runs: [number, number][] = [];
    for (const index of own.map(indexOf)) {
      const last = runs.at(-1);
      if (last !== undefined && last[0] + last[1] === index) last[1]++;
      else runs.push([index, 1]);
    }
    return runs;
  };
  return { inputs, add };
}

/** Logs of tasks that failed have room before others. */
function chooseLogs(
  { tasks }: Picture,
  facts: ReadonlyMap<TaskId, TaskFacts>,
  most: number,
): Map<TaskId, LogTail> {
  const chosen = new Map<TaskId, LogTail>();
  let room = most;
  for (const wanted of [true, false])
    for (const { id, state } of tasks) {
      const log = facts.get(id)?.log;
      if (log === undefined || (state === 'failed') !== wanted) continue;
      const lines = log.lines.map(clip);
      room -= lines.reduce((sum, line) => sum + line.length, 0);
      chosen.set(id, { file: log.file, lines: room > 0 ? lines : [] });
    }
  return chosen;
}
