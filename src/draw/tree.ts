import type { ReasonCode } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { clip, clipColored } from '../report/format.ts';
import type { Paint } from '../report/reporter.ts';
import type { Picture, PictureTask } from './picture.ts';
import { countStates, STATE_STYLES, STATES, type State } from './state.ts';

export interface TreeOptions {
  /** A line for each task, rather than one for the versions of an image. */
  readonly full: boolean;
  /** With why something would be done. */
  readonly reasons: boolean;
  readonly columns: number | undefined;
}

/** Tasks that stand on one line: versions of one image. */
type Row = readonly PictureTask[];

/**
 * A tree of what nothing else needs, down through what it needs; what was drawn before is only named. Ends with a line
 * that counts the states and so explains their symbols.
 */
export function graphTree(picture: Picture, paint: Paint, options: TreeOptions): string[] {
  const byId = new Map(picture.tasks.map((task) => [task.id, task]));
  const needed = new Set(picture.tasks.flatMap(({ needs }) => needs));
  const width = options.columns ?? Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  const drawn = new Set<TaskId>();
  const visit = (row: Row, lead: string, branch: string, below: string): void => {
    const fresh = row.filter(({ id }) => !drawn.has(id));
    const isAgain = fresh.length === 0 && row.some(({ needs }) => needs.length > 0);
    const start = paint.dim(lead + branch);
    const room = width - lead.length - branch.length;
    lines.push(clipColored(start + label(row, { room, isAgain, byId }, paint, options), width));
    for (const { id } of fresh) drawn.add(id);
    const next = [...new Set(fresh.flatMap(({ needs }) => needs))].map((id) => byId.get(id)!);
    const rows = rowsOf(next, options.full);
    for (const [index, each] of rows.entries()) {
      const isLast = index === rows.length - 1;
      visit(each, lead + below, isLast ? '└─ ' : '├─ ', isLast ? '   ' : '│  ');
    }
  };
  const roots = picture.tasks.filter(({ id }) => !needed.has(id));
  for (const row of rowsOf(roots, options.full)) visit(row, '', '', '');
  return [...lines, ...(lines.length > 0 ? ['', ...summary(picture, width, paint)] : [])];
}

function rowsOf(tasks: readonly PictureTask[], full: boolean): Row[] {
  if (full) return tasks.map((task) => [task]);
  const rows = new Map<string, PictureTask[]>();
  for (const task of tasks) rows.set(task.name, [...(rows.get(task.name) ?? []), task]);
  return [...rows.values()];
}

/** `● postgres:17  ✔ {15,15-17}  changed` */
function label(
  row: Row,
  { room, isAgain, byId }: { room: number; isAgain: boolean; byId: ReadonlyMap<TaskId, PictureTask> },
  paint: Paint,
  { full, reasons }: TreeOptions,
): string {
  const parts = STATES.flatMap((state) => {
    const some = row.filter((task) => task.state === state);
    return some.length > 0 ? [[state, some] as const] : [];
  });
  const why = reasons && !isAgain ? reasonsOf(row, byId) : '';
  const tail = isAgain ? '  (above)' : why === '' ? '' : `  ${why}`;
  // Versions give way before the reason does, down to a part of the line.
  const wanted = Math.min(tail.length, Math.floor(room / 2));
  const each = Math.max(12, Math.floor((room - wanted) / parts.length) - 4);
  const names = parts.map(([state, some], index) => {
    const name = index === 0 ? `${row[0]!.name}:` : '';
    const text = full ? some[0]!.id : `${name}${versions(some, each - name.length)}`;
    const look = row[0]!.publish ? text : paint.dim(text);
    return `${mark(state, paint)} ${look}`;
  });
  const action = full && !reasons && !isAgain ? `  ${row[0]!.action}` : '';
  return `${names.join('  ')}${paint.dim(tail + action)}`;
}

/** `17`, `{15,17}`, or with how many there is no room for: `{15,16,+4}`. */
function versions(tasks: Row, room: number): string {
  const all = tasks.map(({ version }) => version);
  if (all.length === 1) return all[0]!;
  const whole = `{${all.join(',')}}`;
  if (whole.length <= room) return whole;
  let kept = all.length - 1;
  const shorter = (): string => `{${[...all.slice(0, kept), `+${all.length - kept}`].join(',')}}`;
  while (kept > 1 && shorter().length > room) kept--;
  return shorter();
}

/** Each reason once, those that more tasks share first. That needs will be made is worth words only where it is all. */
function reasonsOf(row: Row, byId: ReadonlyMap<TaskId, PictureTask>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of row)
    for (const { code, detail } of reasons)
      if (!unsaid.has(code) && !isNeed.test(detail)) counts.set(detail, (counts.get(detail) ?? 0) + 1);
  const own = [...counts].sort(([, a], [, b]) => b - a).map(([detail]) => clip(detail, 200));
  if (own.length > 0) return own.join('; ');
  const needs = row
    .flatMap((task) => task.needs.map((id) => byId.get(id)!))
    .filter(({ state }) => state !== 'here');
  return needs.length === 0 ? '' : `because of ${[...new Set(needs.map(({ name }) => name))].join(', ')}`;
}

/** What stands below in the tree says it better. */
const isNeed = /^need [^,]+ changed$/;
const unsaid = new Set<ReasonCode>(['vague', 'impure', 'up-to-date', 'need-built']);

function mark(state: State, paint: Paint): string {
  const { symbol } = STATE_STYLES[state];
  if (state === 'here' || state === 'made') return paint.good(symbol);
  if (state === 'failed' || state === 'blocked') return paint.bad(symbol);
  return state === 'skip' ? paint.dim(symbol) : paint.warn(symbol);
}

/** `● 2 to be done   ✔ 5 up to date`, in as many lines as it takes. */
function summary({ tasks }: Picture, width: number, paint: Paint): string[] {
  const lines: string[] = [];
  let room = 0;
  for (const [state, number] of countStates(tasks.map((task) => task.state))) {
    const text = `${number} ${STATE_STYLES[state].label}`;
    const part = `${mark(state, paint)} ${text}`;
    room -= text.length + 5;
    if (lines.length > 0 && room >= 0) lines.push(`${lines.pop()}   ${part}`);
    else {
      lines.push(part);
      room = width - text.length - 2;
    }
  }
  return lines.map((line) => clipColored(line, width));
}
