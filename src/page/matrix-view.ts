import { STATE_STYLES } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { formatDuration } from '../report/units.ts';
import { h } from './dom.ts';
import { type MatrixRow, type MatrixTable, matrixTables } from './matrix-tables.ts';
import type { Emphasis, PageModel } from './page-model.ts';
import { stateIcon } from './state-icon.ts';

export interface MatrixView {
  update(emphasis: ReadonlyMap<TaskId, Emphasis>, isShown: (id: TaskId) => boolean): void;
}

/** Returns the widths of the columns with labels, in characters. All other columns are equally wide. */
function labelWidths({ labelHeadings, rows }: MatrixTable): number[] {
  return labelHeadings.map(
    (heading, index) => Math.max(heading.length, ...rows.map(({ labels }) => labels[index]!.length)) + 3,
  );
}

/** Creates tables in an element, with the state and the duration of a task in each cell. */
export function matrixView(
  model: PageModel,
  element: HTMLElement,
  onSelect: (id: TaskId) => void,
): MatrixView {
  const cells = new Map<TaskId, HTMLButtonElement>();
  const rows: { row: HTMLTableRowElement; ids: readonly TaskId[] }[] = [];

  const makeRow = ({ labels, cells: tasks }: MatrixRow, hasColumns: boolean): HTMLElement => {
    const buttons = tasks.map((task) => {
      if (task === undefined) return undefined;
      const button = h('button', { type: 'button', title: task.id, onclick: () => onSelect(task.id) });
      cells.set(task.id, button);
      return hasColumns ? button : h('div', {}, h('span', { class: 'muted' }, task.version), button);
    });
    const row = h(
      'tr',
      {},
      ...labels.map((label) => h('th', { scope: 'row' }, label)),
      ...(hasColumns
        ? buttons.map((button) => h('td', {}, button))
        : [h('td', {}, h('div', { class: 'flow' }, ...buttons))]),
    );
    rows.push({ row, ids: tasks.flatMap((task) => (task === undefined ? [] : [task.id])) });
    return row;
  };

  const makeTable = (table: MatrixTable): HTMLTableElement => {
    const { caption, labelHeadings, columns, rows: tableRows } = table;
    const widths = labelWidths(table);
    const element = h(
      'table',
      {},
      caption !== '' && h('caption', {}, caption),
      h(
        'colgroup',
        {},
        ...widths.map((width) => {
          const column = h('col');
          column.style.width = `${width}ch`;
          return column;
        }),
      ),
      columns !== undefined &&
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...labelHeadings.map((label) => h('th', { scope: 'col', class: 'label' }, label)),
            ...columns.map((column) => h('th', { scope: 'col' }, column)),
          ),
        ),
      h('tbody', {}, ...tableRows.map((row) => makeRow(row, columns !== undefined))),
    );
    const widest = Math.max(6, ...(columns ?? []).map(({ length }) => length));
    const all = widths.reduce((sum, width) => sum + width, 0) + (columns ?? []).length * (widest + 2);
    element.style.minWidth = `${all}ch`;
    return element;
  };

  const tables = matrixTables(model).map(makeTable);
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
