import type { Axes } from '../model/task.ts';
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

// Definitions are evaluated in the program's own process: it leaves the profile here before it imports them.
const profileSlot = Symbol.for('image-tasks.profile');

/** The string given by `--profile` or TASKS_PROFILE; `default` if none. Definitions may branch on it. */
export const profile: string =
  ((globalThis as Record<symbol, unknown>)[profileSlot] as string | undefined) ?? 'default';

/** Declares images: one task per version. */
export function image(fields: ImageInput<string, readonly string[]>): Definition;
export function image<A extends Axes>(fields: ImageInput<A, Matrix<A>>): Definition;
export function image(fields: object): Definition {
  return definition('image', fields);
}

/** Declares a program that makes files: one task per version. */
export function command(fields: CommandInput<string, readonly string[]>): Definition;
export function command<A extends Axes>(fields: CommandInput<A, Matrix<A>>): Definition;
export function command(fields: object): Definition {
  return definition('command', fields);
}

/** Declares the project's settings; at most once. Flags and environment win over it. */
export function project(fields: ProjectFields): ProjectDefinition {
  return { [projectBrand]: true, fields: fields as Readonly<Record<string, unknown>> };
}

/**
 * All combinations of the axes' values, in the order written (the last axis varies fastest).
 * `version` names each cell and must be unique; `exclude` drops cells.
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
  const kept = cells.map((cell) => Object.freeze(cell) as Cell).filter((cell) => !options.exclude?.(cell));
  return { [matrixBrand]: true, cells: kept.map((cell) => ({ version: options.version(cell), axes: cell })) };
}

function definition(kind: 'image' | 'command', fields: object): Definition {
  const self: Definition = {
    [definitionBrand]: kind,
    fields: fields as Readonly<Record<string, unknown>>,
    at: (version) => reference('at', self, version),
    all: (filter) => reference('all', self, filter),
  };
  return self;
}

function reference(form: 'at' | 'all', target: Definition, match: string | Axes | undefined): Reference {
  return { [referenceBrand]: form, definition: target, match: match };
}
