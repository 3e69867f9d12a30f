import type { PageTask } from '../draw/page-data.ts';
import { tasksByName } from '../draw/picture.ts';
import { axisTable } from '../report/axes.ts';
import type { PageModel } from './page-model.ts';

/** A table of the matrix view: rows with a task in some of the columns. */
export interface MatrixTable {
  readonly caption: string;
  /** The headings of the columns with the labels of rows. */
  readonly labelHeadings: readonly string[];
  /** Undefined if the rows share no columns. Then the cells of a row follow one another. */
  readonly columns?: readonly string[];
  readonly rows: readonly MatrixRow[];
}

export interface MatrixRow {
  readonly labels: readonly string[];
  readonly cells: readonly (PageTask | undefined)[];
}

/**
 * Returns a table for each image with several axes. The others share tables, those with the most versions first: an image joins the
 * first table that has all its versions. Images without a common table of several columns
 * are together in the last one.
 */
export function matrixTables({ data }: Pick<PageModel, 'data'>): MatrixTable[] {
  const images = [...tasksByName(data)] as [string, PageTask[]][];
  const byAxes: MatrixTable[] = [];
  const plain: [string, PageTask[]][] = [];
  for (const [name, tasks] of images) {
    const table = axisTable(tasks);
    if (table === undefined) {
      plain.push([name, tasks]);
      continue;
    }
    const { rowAxes, columnAxis, columns, rows } = table;
    byAxes.push({ caption: `${name}, by ${columnAxis}`, labelHeadings: rowAxes, columns, rows });
  }
  const groups: { versions: readonly string[]; images: [string, PageTask[]][] }[] = [];
  for (const [name, tasks] of plain.sort(([, a], [, b]) => b.length - a.length)) {
    const fitting = groups.find(({ versions }) => tasks.every(({ version }) => versions.includes(version)));
    if (fitting !== undefined) fitting.images.push([name, tasks]);
    else groups.push({ versions: tasks.map(({ version }) => version), images: [[name, tasks]] });
  }
  const isTable = (group: (typeof groups)[number]): boolean =>
    group.images.length > 1 && group.versions.length > 1;
  const shared = groups.filter(isTable);
  const rest = groups.filter((group) => !isTable(group));
  return [
    ...byAxes,
    ...shared.map(({ versions, images: rows }) => ({
      caption: '',
      labelHeadings: [''],
      columns: versions,
      rows: rows.map(([name, tasks]) => ({
        labels: [name],
        cells: versions.map((version) => tasks.find((task) => task.version === version)),
      })),
    })),
    ...(rest.length === 0
      ? []
      : [
          {
            caption: '',
            labelHeadings: [''],
            rows: rest.flatMap((group) => group.images.map(([name, cells]) => ({ labels: [name], cells }))),
          },
        ]),
  ];
}
