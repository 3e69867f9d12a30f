import type { PageTask } from '../draw/page-data.ts';
import { tasksByName } from '../draw/picture.ts';
import { STATE_STYLES } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { axisTable } from '../report/axes.ts';
import { formatDuration } from '../report/units.ts';
import { h } from './dom.ts';
import type { Emphasis, PageModel } from './page-model.ts';
import { stateIcon } from './state-icon.ts';

export interface MatrixView {
  update(emphasis: ReadonlyMap<TaskId, Emphasis>, isShown: (id: TaskId) => boolean): void;
}

/** A table: a heading per column, and rows with a task in some of them. */
interface Table {
  /** The headings of the columns with labels. */
  readonly corner: readonly string[];
  readonly caption?: string;
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly labels: readonly string[];
    readonly cells: readonly (PageTask | undefined)[];
  }[];
}

/** Creates tables in an element, with the state and the duration of a task in each cell. */
export function matrixView(
  model: PageModel,
  element: HTMLElement,
  onSelect: (id: TaskId) => void,
): MatrixView {
  const cells = new Map<TaskId, HTMLButtonElement>();
  const rows: { row: HTMLTableRowElement; ids: readonly TaskId[] }[] = [];
  const tables = tablesOf(model).map(({ corner, caption, columns, rows: tableRows }) => {
    const head = h(
      'tr',
      {},
      ...corner.map((label) => h('th', { scope: 'col', class: 'label' }, label)),
      ...columns.map((column) => h('th', { scope: 'col' }, column)),
    );
    const body = tableRows.map(({ labels, cells: tasks }) => {
      const row = h(
        'tr',
        {},
        ...labels.map((label) => h('th', { scope: 'row' }, label)),
        ...tasks.map((task) => {
          if (task === undefined) return h('td');
          const button = h('button', { type: 'button', title: task.id, onclick: () => onSelect(task.id) });
          cells.set(task.id, button);
          return h('td', {}, button);
        }),
      );
      rows.push({ row, ids: tasks.flatMap((task) => (task === undefined ? [] : [task.id])) });
      return row;
    });
    return h(
      'table',
      {},
      caption !== undefined && h('caption', {}, caption),
      h('thead', {}, head),
      h('tbody', {}, ...body),
    );
  });
  element.replaceChildren(...tables);
  return {
    update(emphasis, isShown) {
      for (const [id, button] of cells) {
        const state = model.states.get(id)!;
        button.dataset.emphasis = emphasis.get(id)!;
        if (button.dataset.state === state) continue;
        button.dataset.state = state;
        button.className = `s-${state}`;
        button.setAttribute('aria-label', `${id}, ${STATE_STYLES[state].label}`);
        const { expectedMs } = model.tasks.get(id)!;
        button.replaceChildren(
          stateIcon(state),
          ...(expectedMs === undefined ? [] : [h('span', {}, formatDuration(expectedMs))]),
        );
      }
      for (const { row, ids } of rows) row.hidden = !ids.some(isShown);
      for (const table of tables) table.hidden = [...table.tBodies[0]!.rows].every((row) => row.hidden);
    },
  };
}

/**
 * Returns a table for each image with several axes. The others share tables, those with the most versions first: an image joins the
 * first table that has all its versions.
 */
function tablesOf({ data }: PageModel): Table[] {
  const images = [...tasksByName(data)] as [string, PageTask[]][];
  const byAxes: Table[] = [];
  const plain: [string, PageTask[]][] = [];
  for (const [name, tasks] of images) {
    const table = axisTable(tasks);
    if (table === undefined) plain.push([name, tasks]);
    else byAxes.push({ ...table, caption: `${name}, by ${table.columnAxis}`, corner: table.rowAxes });
  }
  const shared: { versions: readonly string[]; images: [string, PageTask[]][] }[] = [];
  for (const [name, tasks] of plain.sort(([, a], [, b]) => b.length - a.length)) {
    const fitting = shared.find(({ versions }) => tasks.every(({ version }) => versions.includes(version)));
    if (fitting !== undefined) fitting.images.push([name, tasks]);
    else shared.push({ versions: tasks.map(({ version }) => version), images: [[name, tasks]] });
  }
  const plainTables = shared.map(({ versions, images: group }): Table => {
    const rows = group.map(([name, tasks]) => ({
      labels: [name],
      cells: versions.map((version) => tasks.find((task) => task.version === version)),
    }));
    return { corner: [''], columns: versions, rows };
  });
  return [...byAxes, ...plainTables];
}
