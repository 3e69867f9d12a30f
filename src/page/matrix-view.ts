import { tasksByName } from '../draw/picture.ts';
import { STATE_STYLES } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { h } from './dom.ts';
import type { Emphasis, PageModel } from './page-model.ts';
import { stateIcon } from './state-icon.ts';

export interface MatrixView {
  update(emphasis: ReadonlyMap<TaskId, Emphasis>, isShown: (id: TaskId) => boolean): void;
}

/** Creates tables of images and versions in an element, with a state in each cell. Images with the same versions share a table. */
export function matrixView(
  model: PageModel,
  element: HTMLElement,
  onSelect: (id: TaskId) => void,
): MatrixView {
  const cells = new Map<TaskId, HTMLButtonElement>();
  element.replaceChildren();
  const rows: { row: HTMLTableRowElement; ids: readonly TaskId[] }[] = [];
  for (const { versions, names } of tablesOf(model)) {
    const head = h('tr', {}, h('td'), ...versions.map((version) => h('th', { scope: 'col' }, version)));
    const body = names.map(([name, ids]) => {
      const row = h(
        'tr',
        {},
        h('th', { scope: 'row' }, name),
        ...versions.map((version) => {
          const id = `${name}:${version}`;
          if (!ids.includes(id)) return h('td');
          const button = h('button', { type: 'button', onclick: () => onSelect(id) });
          cells.set(id, button);
          return h('td', {}, button);
        }),
      );
      rows.push({ row, ids });
      return row;
    });
    element.append(h('table', {}, h('thead', {}, head), h('tbody', {}, ...body)));
  }
  return {
    update(emphasis, isShown) {
      for (const [id, button] of cells) {
        const state = model.states.get(id)!;
        button.dataset.emphasis = emphasis.get(id)!;
        if (button.dataset.state === state) continue;
        button.dataset.state = state;
        button.className = `s-${state}`;
        button.setAttribute('aria-label', `${id}, ${STATE_STYLES[state].label}`);
        button.replaceChildren(stateIcon(state));
      }
      for (const { row, ids } of rows) row.hidden = !ids.some(isShown);
      for (const table of element.querySelectorAll('table'))
        table.hidden = [...table.tBodies[0]!.rows].every((row) => row.hidden);
    },
  };
}

interface Table {
  readonly versions: string[];
  readonly names: [name: string, ids: readonly TaskId[]][];
}

/** Groups images into tables, those with the most versions first. An image joins the first table that has all its versions. */
function tablesOf({ data }: PageModel): Table[] {
  const tables: Table[] = [];
  const images = [...tasksByName(data)].map(
    ([name, tasks]) => [name, tasks.map(({ version }) => version)] as const,
  );
  for (const [name, versions] of images.sort(([, a], [, b]) => b.length - a.length)) {
    const fitting = tables.find((table) => versions.every((version) => table.versions.includes(version)));
    const table = fitting ?? { versions: [...versions], names: [] };
    if (fitting === undefined) tables.push(table);
    table.names.push([name, versions.map((version) => `${name}:${version}`)]);
  }
  return tables;
}
