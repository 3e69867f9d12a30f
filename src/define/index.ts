import type { Axes } from '../model/task.ts';
import { callSite, currentSite, type Sited } from './call-site.ts';
import {
  type CommandInput,
  type Definition,
  definitionBrand,
  type ImageInput,
  type Matrix,
  matrixBrand,
  type ProjectDefinition,
  type ProjectFields,
  projectBrand,
  type Reference,
  referenceBrand,
} from './types.ts';

export type {
  CommandFields,
  Definition,
  ImageFields,
  Matrix,
  Needs,
  NeedTarget,
  ProjectFields,
  Reference,
} from './types.ts';

// Definitions run in the process of tasks, which sets the profile here before it imports them.
const profileSlot = Symbol.for('image-tasks.profile');

/** The profile: the value of `--profile` or TASKS_PROFILE, or `default`. Definitions may branch on it. */
export const profile: string =
  ((globalThis as Record<symbol, unknown>)[profileSlot] as string | undefined) ?? 'default';

/**
 * Declares images: one task per version.
 *
 * @example export const app = image({ name: 'app', versions: ['1', '2'], context: 'app', args: (version) => ({ V: version }) });
 */
export function image(fields: ImageInput<string, readonly string[]>): Definition;
export function image<A extends Axes>(fields: ImageInput<A, Matrix<A>>): Definition;
export function image(fields: object): Definition {
  return definition('image', fields);
}

/**
 * Declares a command that creates files: one task per version.
 *
 * @example export const docs = command({ name: 'docs', run: ['./make-docs.sh'], inputs: ['make-docs.sh', 'text/*.md'] });
 */
export function command(fields: CommandInput<string, readonly string[]>): Definition;
export function command<A extends Axes>(fields: CommandInput<A, Matrix<A>>): Definition;
export function command(fields: object): Definition {
  return definition('command', fields);
}

/**
 * Declares the settings of the project, at most once. Flags and environment variables override them.
 *
 * @example export default project({ repo: 'registry.example/team' });
 */
export function project(fields: ProjectFields): ProjectDefinition {
  const self: ProjectDefinition & Sited = {
    [projectBrand]: true,
    [callSite]: currentSite(),
    fields: fields as Readonly<Record<string, unknown>>,
  };
  return self;
}

/**
 * Returns all combinations of the values of the axes, in the order written (the last axis varies fastest). `version` returns
 * the version of a cell, which must be unique; cells for which `exclude` returns true are left out.
 *
 * @example
 * const cells = matrix(
 *   { pg: ['16', '17'], distro: ['bookworm', 'trixie'] },
 *   { version: (c) => `${c.pg}-${c.distro}`, exclude: (c) => c.pg === '16' && c.distro === 'trixie' },
 * );
 * export const server = image({ name: 'server', versions: cells, context: 'server', args: (c) => ({ PG: c.pg }) });
 */
export function matrix<const T extends Readonly<Record<string, readonly string[]>>>(
  axes: T,
  options: {
    readonly version: (cell: { readonly [K in keyof T]: T[K][number] }) => string;
    readonly exclude?: (cell: { readonly [K in keyof T]: T[K][number] }) => boolean;
  },
): Matrix<{ readonly [K in keyof T]: T[K][number] }> {
  type Cell = { readonly [K in keyof T]: T[K][number] };
  let cells: Record<string, string>[] = [{}];
  for (const [axis, values] of Object.entries(axes)) {
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [axis]: value })));
  }
  const included = cells
    .map((cell) => Object.freeze(cell) as Cell)
    .filter((cell) => !options.exclude?.(cell));
  const self: Matrix<Cell> & Sited = {
    [matrixBrand]: true,
    [callSite]: currentSite(),
    cells: included.map((cell) => ({ version: options.version(cell), axes: cell })),
  };
  return self;
}

function definition(kind: 'image' | 'command', fields: object): Definition {
  const self: Definition & Sited = {
    [definitionBrand]: kind,
    [callSite]: currentSite(),
    fields: fields as Readonly<Record<string, unknown>>,
    at: (version) => reference('at', self, version),
    all: (filter) => reference('all', self, filter),
  };
  return self;
}

function reference(form: 'at' | 'all', target: Definition, match: string | Axes | undefined): Reference {
  return { [referenceBrand]: form, definition: target, match: match };
}
