import type { ReasonCode } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { clip, clipColored } from '../report/format.ts';
import type { Paint } from '../report/reporter.ts';
import type { Picture, PictureTask } from './picture.ts';
import { countStates, STATE_STYLES, STATES, type State } from './state.ts';

export interface TreeOptions {
  /** True for a line per task rather than per image. */
  readonly full: boolean;
  /** True to show why a task would be built. */
  readonly reasons: boolean;
  readonly columns: number | undefined;
}

/** The tasks on one line: versions of one image. */
type Row = readonly PictureTask[];

/**
 * Formats a tree whose roots are the tasks that no other task needs, with needs below their dependents. Tasks that were printed
 * before are not expanded again. The last line counts the states and thus explains their symbols.
 */
export function graphTree(picture: Picture, paint: Paint, options: TreeOptions): string[] {
  const byId = new Map(picture.tasks.map((task) => [task.id, task]));
  const needed = new Set(picture.tasks.flatMap(({ needs }) => needs));
  const width = options.columns ?? Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  const printed = new Set<TaskId>();
  const visit = (row: Row, indent: string, branch: string, childIndent: string): void => {
    const unprinted = row.filter(({ id }) => !printed.has(id));
    const isRepeated = unprinted.length === 0 && row.some(({ needs }) => needs.length > 0);
    const room = width - indent.length - branch.length;
    const label = rowLabel(row, { room, isRepeated, byId }, paint, options);
    lines.push(clipColored(paint.dim(indent + branch) + label, width));
    for (const { id } of unprinted) printed.add(id);
    const needs = [...new Set(unprinted.flatMap((task) => task.needs))].map((id) => byId.get(id)!);
    const rows = groupRows(needs, options.full);
    for (const [index, each] of rows.entries()) {
      const isLast = index === rows.length - 1;
      visit(each, indent + childIndent, isLast ? '└─ ' : '├─ ', isLast ? '   ' : '│  ');
    }
  };
  const roots = picture.tasks.filter(({ id }) => !needed.has(id));
  for (const row of groupRows(roots, options.full)) visit(row, '', '', '');
  return [...lines, ...(lines.length > 0 ? ['', ...summary(picture, width, paint)] : [])];
}

function groupRows(tasks: readonly PictureTask[], full: boolean): Row[] {
  if (full) return tasks.map((task) => [task]);
  const rows = new Map<string, PictureTask[]>();
  for (const task of tasks) rows.set(task.name, [...(rows.get(task.name) ?? []), task]);
  return [...rows.values()];
}

/** Formats `● postgres:17  ✔ {15,15-17}  changed`. */
function rowLabel(
  row: Row,
  { room, isRepeated, byId }: { room: number; isRepeated: boolean; byId: ReadonlyMap<TaskId, PictureTask> },
  paint: Paint,
  { full, reasons }: TreeOptions,
): string {
  const parts = STATES.flatMap((state) => {
    const tasks = row.filter((task) => task.state === state);
    return tasks.length > 0 ? [[state, tasks] as const] : [];
  });
  const reason = reasons && !isRepeated ? reasonText(row, byId) : '';
  const tail = isRepeated ? '  (above)' : reason === '' ? '' : `  ${reason}`;
  // The reason can take up to half of the line; versions are shortened to make room for it.
  const tailRoom = Math.min(tail.length, Math.floor(room / 2));
  const partRoom = Math.max(12, Math.floor((room - tailRoom) / parts.length) - 4);
  const names = parts.map(([state, tasks], index) => {
    const name = index === 0 ? `${row[0]!.name}:` : '';
    const text = full ? tasks[0]!.id : `${name}${versionList(tasks, partRoom - name.length)}`;
    return `${symbol(state, paint)} ${row[0]!.publish ? text : paint.dim(text)}`;
  });
  const action = full && !reasons && !isRepeated ? `  ${row[0]!.action}` : '';
  return `${names.join('  ')}${paint.dim(tail + action)}`;
}

/** Formats versions: `17`, `{15,17}`, or `{15,16,+4}` if not all fit. */
function versionList(tasks: Row, room: number): string {
  const versions = [...new Set(tasks.map(({ version }) => version))];
  if (versions.length === 1) return versions[0]!;
  const full = `{${versions.join(',')}}`;
  if (full.length <= room) return full;
  let kept = versions.length - 1;
  const shortened = (): string => `{${[...versions.slice(0, kept), `+${versions.length - kept}`].join(',')}}`;
  while (kept > 1 && shortened().length > room) kept--;
  return shortened();
}

/**
 * Formats the reasons of a row without duplicates, those of most tasks first. That a need will be built is only mentioned if
 * there is no other reason.
 */
function reasonText(row: Row, byId: ReadonlyMap<TaskId, PictureTask>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of row)
    for (const { code, detail } of reasons)
      if (!hiddenReasons.has(code) && !changedNeed.test(detail))
        counts.set(detail, (counts.get(detail) ?? 0) + 1);
  const details = [...counts].sort(([, a], [, b]) => b - a).map(([detail]) => clip(detail, 200));
  if (details.length > 0) return details.join('; ');
  const needs = row
    .flatMap((task) => task.needs.map((id) => byId.get(id)!))
    .filter(({ state }) => state !== 'current');
  return needs.length === 0 ? '' : `because of ${[...new Set(needs.map(({ name }) => name))].join(', ')}`;
}

/** Changed needs are visible below in the tree. */
const changedNeed = /^need [^,]+ changed$/;
const hiddenReasons = new Set<ReasonCode>(['vague', 'impure', 'up-to-date', 'need-built']);

function symbol(state: State, paint: Paint): string {
  const text = STATE_STYLES[state].symbol;
  if (state === 'current' || state === 'done') return paint.good(text);
  if (state === 'failed' || state === 'blocked') return paint.bad(text);
  return state === 'skipped' ? paint.dim(text) : paint.warn(text);
}

/** Formats `● 2 to do   ✔ 5 up to date`, on several lines if necessary. */
function summary({ tasks }: Picture, width: number, paint: Paint): string[] {
  const lines: string[] = [];
  let room = 0;
  for (const [state, number] of countStates(tasks.map((task) => task.state))) {
    const text = `${number} ${STATE_STYLES[state].label}`;
    const part = `${symbol(state, paint)} ${text}`;
    room -= text.length + 5;
    if (lines.length > 0 && room >= 0) lines.push(`${lines.pop()}   ${part}`);
    else {
      lines.push(part);
      room = width - text.length - 2;
    }
  }
  return lines.map((line) => clipColored(line, width));
}
