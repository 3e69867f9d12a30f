import type { Input, PageTask } from '../draw/page-data.ts';
import { shellWord } from '../model/shell-word.ts';
import type { TaskId } from '../model/task.ts';
import { formatBytes, formatDuration, pluralize } from '../report/units.ts';
import { copyable } from './copy.ts';
import { h } from './dom.ts';
import { formatLocalTime } from './local-time.ts';
import type { PageModel } from './page-model.ts';
import type { RunState } from './run-state.ts';
import { stateIcon, stateLabel } from './state-icon.ts';

export interface DetailsActions {
  select(id: TaskId | undefined): void;
  bump(id: TaskId): void;
  /** Shows only the task with its needs and dependents, or everything again. */
  focus(id: TaskId): void;
}

export interface DetailsContent {
  readonly task: PageTask;
  readonly model: PageModel;
  readonly run: RunState;
  readonly isBumped: boolean;
  readonly isFocused: boolean;
  /** True to show the log first and as high as there is space. */
  readonly logFirst: boolean;
}

/** Renders the details of a task. */
export function detailsPanel(
  { task, model, run, isBumped, isFocused, logFirst }: DetailsContent,
  actions: DetailsActions,
): HTMLElement {
  const state = model.states.get(task.id)!;
  const button = (text: string, pressed: boolean, onclick: () => void): HTMLElement =>
    h('button', { type: 'button', class: 'action', 'aria-pressed': String(pressed), onclick }, text);
  return h(
    'section',
    { 'aria-label': task.id, class: logFirst ? 'log-first' : undefined },
    h(
      'button',
      { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => actions.select(undefined) },
      '✕',
    ),
    h('h2', {}, task.id),
    h('p', { class: `state s-${state}` }, stateIcon(state), ` ${stateLabel(state, run.states.has(task.id))}`),
    task.description !== undefined && h('p', { class: 'muted' }, task.description),
    h(
      'div',
      { class: 'actions' },
      button('Focus', isFocused, () => actions.focus(task.id)),
      button('What if I bump this?', isBumped, () => actions.bump(task.id)),
    ),
    ...reasons(task, run),
    ...(logFirst ? log(task, run) : []),
    commands(task, model),
    facts(task, run.results.get(task.id) ?? task.last),
    relations('Needs', task.needs, model, actions),
    relations('Runs after', task.after, model, actions),
    relations('Needed by', model.dependents.get(task.id)!, model, actions),
    ...inputs(task, model),
    ...(logFirst ? [] : log(task, run)),
  );
}

/** Renders commands about the task, to be copied. */
function commands({ id }: PageTask, { data }: PageModel): HTMLElement {
  const lines = ['build', 'why', 'logs'].map((name) => `${data.command} ${name} ${shellWord(id)}`);
  return h(
    'div',
    {},
    h('h3', {}, 'Commands'),
    h('ul', { class: 'plain' }, ...lines.map((line) => h('li', {}, copyable(line)))),
  );
}

function reasons({ reasons, id }: PageTask, { errors }: RunState): HTMLElement[] {
  const error = errors.get(id);
  return [
    ...(error === undefined ? [] : [h('pre', { class: 'error' }, error)]),
    ...(reasons.length === 0
      ? []
      : [h('h3', {}, 'Why'), h('ul', {}, ...reasons.map(({ detail }) => h('li', {}, detail)))]),
  ];
}

function facts({ kind, where, key, tags, expectedMs }: PageTask, last: PageTask['last']): HTMLElement {
  const rows: [string, string | HTMLElement | undefined][] = [
    ['kind', kind === 'internal' ? 'internal image' : kind],
    ['defined in', where],
    ['key', key === '' ? undefined : copyable(key)],
    ['last built', last === undefined ? 'never' : formatLocalTime(Date.parse(last.time))],
    ['built on', last?.node],
    ['took', last === undefined ? undefined : formatDuration(last.ms)],
    ['size', last === undefined || last.bytes === 0 ? undefined : formatBytes(last.bytes)],
    ['image', last?.image === undefined ? undefined : copyable(last.image)],
    [
      'expected time',
      last === undefined && expectedMs !== undefined ? `about ${formatDuration(expectedMs)}` : undefined,
    ],
    ...tags.map((tag): [string, HTMLElement] => ['tag', copyable(tag)]),
  ];
  const shown = rows.filter((row): row is [string, string | HTMLElement] => row[1] !== undefined);
  return h('dl', {}, ...shown.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** How many tasks of a long list are visible before it is expanded. */
const visibleRelations = 12;

function relations(
  title: string,
  ids: readonly TaskId[],
  { states }: PageModel,
  { select }: DetailsActions,
): HTMLElement | undefined {
  if (ids.length === 0) return undefined;
  const item = (id: TaskId): HTMLElement =>
    h(
      'li',
      {},
      h(
        'button',
        { type: 'button', class: 'task', onclick: () => select(id) },
        stateIcon(states.get(id)!),
        ` ${id}`,
      ),
    );
  return h(
    'div',
    {},
    h('h3', {}, `${title} ${ids.length}`),
    h('ul', { class: 'plain' }, ...ids.slice(0, visibleRelations).map(item)),
    ids.length > visibleRelations &&
      h(
        'details',
        {},
        h('summary', {}, `${ids.length - visibleRelations} more`),
        h('ul', { class: 'plain' }, ...ids.slice(visibleRelations).map(item)),
      ),
  );
}

/** Labels for kinds of inputs whose name is not clear. */
const kindLabels: Readonly<Record<string, string>> = {
  step: 'instruction',
  arg: 'build arg',
  base: 'base image',
  env: 'environment variable',
  argv: 'argument',
  image: 'setting',
  command: 'setting',
};

function inputs({ inputs, moreInputs = 0 }: PageTask, { data }: PageModel): HTMLElement[] {
  const shown = inputs.flatMap(([first, number]) => data.inputs.slice(first, first + number));
  if (shown.length + moreInputs === 0) return [];
  const groups = new Map<string, Input[]>();
  for (const input of shown) {
    const kind = kindLabels[input[0]] ?? input[0];
    groups.set(kind, [...(groups.get(kind) ?? []), input]);
  }
  return [
    h('h3', {}, `Inputs ${shown.length + moreInputs}`),
    ...[...groups].map(([kind, list]) =>
      h(
        'details',
        {},
        h('summary', {}, pluralize(list.length, kind)),
        h(
          'table',
          { class: 'inputs' },
          ...list.map(([, name, value]) => h('tr', {}, h('td', {}, name), h('td', {}, value))),
        ),
      ),
    ),
    ...(moreInputs > 0
      ? [h('p', { class: 'muted' }, `${moreInputs} more are not included in this page`)]
      : []),
  ];
}

function log({ id, log }: PageTask, { output }: RunState): HTMLElement[] {
  const lines = output.get(id) ?? log?.lines;
  if (lines === undefined) return [];
  const source = output.has(id) ? 'from this run' : `the last lines of ${log?.file ?? ''}`;
  const text = lines.join('\n');
  if (text === '') return [h('h3', {}, 'Log'), h('p', { class: 'muted' }, 'no output')];
  return [
    h('h3', {}, 'Log'),
    h('p', { class: 'muted' }, source),
    h('pre', { class: 'log', tabindex: 0, 'aria-label': `Last lines of the log of ${id}` }, text),
  ];
}
