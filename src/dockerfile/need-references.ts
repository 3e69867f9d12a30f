import { parseAssignments } from './assignments.ts';
import type { Instruction } from './parse.ts';
import { formatPlaceholders, hasPlaceholder, needBuildArgs, placeholderArg } from './placeholder.ts';
import type { Lookup } from './shell-words.ts';
import { type BuildParameters, type Stage, tryExpand } from './stages.ts';

/** Where an instruction names the image of a need, by the need's build arg. */
export interface NeededImage {
  /** The build arg. */
  readonly arg: string;
  readonly line: number;
  /** The name as it is written there. */
  readonly written: string;
}

/** An image's name that is made of a need's value: nobody knows what image that is. */
export interface MixedImageName {
  readonly line: number;
  /** `FROM ${BASE}-extra` */
  readonly found: string;
  readonly args: readonly string[];
}

export type NeedReference = { readonly needed: NeededImage } | { readonly partly: MixedImageName };

/** What the base of a stage has to do with needs; undefined: nothing. `global`: ARGs before the first FROM. */
export function findNeedInFrom(
  { from, base }: Stage,
  global: readonly Instruction[],
  { args }: BuildParameters,
  escapeToken: string,
): NeedReference | undefined {
  const written = from.rest.split(/\s/, 1)[0]!;
  const { line } = from;
  if (typeof base === 'number') return undefined;
  const arg = base === undefined ? undefined : placeholderArg(base);
  if (arg !== undefined) return { needed: { arg, line, written } };
  const used =
    base === undefined
      ? usedNeeds(written, global, args, escapeToken)
      : needBuildArgs(args).filter((name) => base.includes(args[name]!));
  if (used.length === 0) return undefined;
  return { partly: { line, found: `FROM ${shown(written, base)}`, args: used } };
}

/** The same of the value of `--from`, or of a mount's `from`. BuildKit replaces no variables there; we replace a need's whole name. */
export function findNeedInOrigin(
  written: string,
  { keyword, line }: Instruction,
  lookup: Lookup,
  { args }: BuildParameters,
  escapeToken: string,
): NeedReference | undefined {
  if (!written.includes('$')) return undefined;
  const needs = needBuildArgs(args);
  const [, plain, braced] = /^\$(?:(\w+)|\{(\w+)\})$/.exec(written) ?? [];
  const direct = needs.find((name) => name === plain || name === braced);
  const value = tryExpand(written, lookup, escapeToken, line);
  const arg = direct ?? (value === undefined ? undefined : placeholderArg(value));
  if (arg !== undefined) return { needed: { arg, line, written } };
  const used = needs.filter((name) => variableNames(written).includes(name) || value?.includes(args[name]!));
  if (used.length === 0) return undefined;
  const found = `${keyword} ${keyword === 'RUN' ? '--mount=…,from=' : '--from='}${shown(written, value)}`;
  return { partly: { line, found, args: used } };
}

/** What is written, and, where that is another text, what it stands for. */
function shown(written: string, value: string | undefined): string {
  const meant = value === undefined || !hasPlaceholder(value) ? written : formatPlaceholders(value);
  return meant === written || meant === written.replace(/\$(\w+)/g, '${$1}')
    ? written
    : `${written} (${meant})`;
}

/** The need args that a text names, the defaults of global ARGs followed. */
function usedNeeds(
  text: string,
  global: readonly Instruction[],
  args: BuildParameters['args'],
  escapeToken: string,
): string[] {
  const names = withDefaultVariables(global, new Set(variableNames(text)), escapeToken, args);
  return needBuildArgs(args).filter((name) => names.has(name));
}

/** Adds to names those that the defaults of their global ARGs are made of; a name that is `given` has another value. */
export function withDefaultVariables(
  global: readonly Instruction[],
  names: ReadonlySet<string>,
  escapeToken: string,
  given: BuildParameters['args'] = {},
): Set<string> {
  const all = new Set(names);
  for (const each of [...global].reverse())
    for (const { name, value } of parseAssignments(each, escapeToken))
      if (all.has(name) && !Object.hasOwn(given, name))
        for (const other of variableNames(value ?? '')) all.add(other);
  return all;
}

/** Every name that stands behind a `$`. */
export function variableNames(text: string): string[] {
  return [...text.matchAll(/\$\{?([\p{L}\p{Nd}_]+|[@*#?\-$!0])/gu)].map((match) => match[1]!);
}
