import { parseAssignments } from './assignments.ts';
import type { Instruction } from './parse.ts';
import { formatPlaceholders, hasPlaceholder, needBuildArgs, placeholderArg } from './placeholder.ts';
import type { Lookup } from './shell-words.ts';
import { type BuildParameters, type Stage, tryExpand } from './stages.ts';

/** A place where an instruction names a need's image by the need's build arg. */
export interface NeededImage {
  /** The build arg. */
  readonly arg: string;
  readonly line: number;
  /** The name as written. */
  readonly written: string;
}

/** An image name that contains a need's value and other text, so the image it means is unknown. */
export interface MixedImageName {
  readonly line: number;
  /** Such as `FROM ${BASE}-extra`. */
  readonly found: string;
  readonly args: readonly string[];
}

export type NeedReference = { readonly needed: NeededImage } | { readonly mixed: MixedImageName };

/** Returns how the FROM of a stage refers to needs, or undefined if it does not. */
export function findNeedInFrom(
  { from, base }: Stage,
  globalArgs: readonly Instruction[],
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
      ? needArgsIn(written, globalArgs, args, escapeToken)
      : needBuildArgs(args).filter((name) => base.includes(args[name]!));
  if (used.length === 0) return undefined;
  return { mixed: { line, found: `FROM ${formatName(written, base)}`, args: used } };
}

/**
 * Returns how the value of `--from`, or of a mount's `from`, refers to needs, or undefined if it does not. BuildKit expands no
 * variables there, so only a name that is a need as a whole can be replaced before the build.
 */
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
  const found = `${keyword} ${keyword === 'RUN' ? '--mount=…,from=' : '--from='}${formatName(written, value)}`;
  return { mixed: { line, found, args: used } };
}

/** Formats a name as written, followed by its expansion if that is a different text. */
function formatName(written: string, value: string | undefined): string {
  const expanded = value === undefined || !hasPlaceholder(value) ? written : formatPlaceholders(value);
  return expanded === written || expanded === written.replace(/\$(\w+)/g, '${$1}')
    ? written
    : `${written} (${expanded})`;
}

/** Returns the need args that a text names, directly or through the defaults of global ARGs. */
function needArgsIn(
  text: string,
  globalArgs: readonly Instruction[],
  args: BuildParameters['args'],
  escapeToken: string,
): string[] {
  const names = withDefaultVariables(globalArgs, new Set(variableNames(text)), escapeToken, args);
  return needBuildArgs(args).filter((name) => names.has(name));
}

/**
 * Returns the given names and those that the defaults of their global ARGs refer to. The default of a name in `args` is not
 * used.
 */
export function withDefaultVariables(
  globalArgs: readonly Instruction[],
  names: ReadonlySet<string>,
  escapeToken: string,
  args: BuildParameters['args'] = {},
): Set<string> {
  const all = new Set(names);
  for (const each of [...globalArgs].reverse())
    for (const { name, value } of parseAssignments(each, escapeToken))
      if (all.has(name) && !Object.hasOwn(args, name))
        for (const other of variableNames(value ?? '')) all.add(other);
  return all;
}

/** Returns every name that follows a `$`. */
export function variableNames(text: string): string[] {
  return [...text.matchAll(/\$\{?([\p{L}\p{Nd}_]+|[@*#?\-$!0])/gu)].map((match) => match[1]!);
}
