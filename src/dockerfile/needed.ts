import { asPairs } from './pairs.ts';
import type { Instruction } from './parse.ts';
import { attempt, type Given, type Stage } from './stages.ts';
import { hasStandIn, needArgs, needOf, readable } from './stand-in.ts';
import type { Lookup } from './words.ts';

/** Where an instruction names the image of a need, by the need's build arg. */
export interface NeededImage {
  /** The build arg. */
  readonly arg: string;
  readonly line: number;
  /** The name as it is written there. */
  readonly written: string;
}

/** An image's name that is made of a need's value: nobody knows what image that is. */
export interface PartlyNeeded {
  readonly line: number;
  /** `FROM ${BASE}-extra` */
  readonly found: string;
  readonly args: readonly string[];
}

export type NamedByNeed = { readonly needed: NeededImage } | { readonly partly: PartlyNeeded };

/** What the base of a stage has to do with needs; undefined: nothing. `global`: ARGs before the first FROM. */
export function needOfBase(
  { from, base }: Stage,
  global: readonly Instruction[],
  { args }: Given,
  escapeToken: string,
): NamedByNeed | undefined {
  const written = from.rest.split(/\s/, 1)[0]!;
  const { line } = from;
  if (typeof base === 'number') return undefined;
  const arg = base === undefined ? undefined : needOf(base);
  if (arg !== undefined) return { needed: { arg, line, written } };
  const used =
    base === undefined
      ? usedNeeds(written, global, args, escapeToken)
      : needArgs(args).filter((name) => base.includes(args[name]!));
  if (used.length === 0) return undefined;
  return { partly: { line, found: `FROM ${shown(written, base)}`, args: used } };
}

/** The same of the value of `--from`, or of a mount's `from`. BuildKit replaces no variables there; we replace a need's whole name. */
export function needOfOrigin(
  written: string,
  { keyword, line }: Instruction,
  lookup: Lookup,
  { args }: Given,
  escapeToken: string,
): NamedByNeed | undefined {
  if (!written.includes('$')) return undefined;
  const needs = needArgs(args);
  const [, plain, braced] = /^\$(?:(\w+)|\{(\w+)\})$/.exec(written) ?? [];
  const direct = needs.find((name) => name === plain || name === braced);
  const value = attempt(written, lookup, escapeToken, line);
  const arg = direct ?? (value === undefined ? undefined : needOf(value));
  if (arg !== undefined) return { needed: { arg, line, written } };
  const used = needs.filter((name) => namesIn(written).includes(name) || value?.includes(args[name]!));
  if (used.length === 0) return undefined;
  const found = `${keyword} ${keyword === 'RUN' ? '--mount=…,from=' : '--from='}${shown(written, value)}`;
  return { partly: { line, found, args: used } };
}

/** What is written, and, where that is another text, what it stands for. */
function shown(written: string, value: string | undefined): string {
  const meant = value === undefined || !hasStandIn(value) ? written : readable(value);
  return meant === written || meant === written.replace(/\$(\w+)/g, '${$1}')
    ? written
    : `${written} (${meant})`;
}

/** The need args that a text names, the defaults of global ARGs followed. */
function usedNeeds(
  text: string,
  global: readonly Instruction[],
  args: Given['args'],
  escapeToken: string,
): string[] {
  const names = withDefaults(global, new Set(namesIn(text)), escapeToken, args);
  return needArgs(args).filter((name) => names.has(name));
}

/** Adds to names those that the defaults of their global ARGs are made of; a name that is `given` has another value. */
export function withDefaults(
  global: readonly Instruction[],
  names: ReadonlySet<string>,
  escapeToken: string,
  given: Given['args'] = {},
): Set<string> {
  const all = new Set(names);
  for (const each of [...global].reverse())
    for (const { name, value } of asPairs(each, escapeToken))
      if (all.has(name) && !Object.hasOwn(given, name))
        for (const other of namesIn(value ?? '')) all.add(other);
  return all;
}

/** Every name that stands behind a `$`. */
export function namesIn(text: string): string[] {
  return [...text.matchAll(/\$\{?([\p{L}\p{Nd}_]+|[@*#?\-$!0])/gu)].map((match) => match[1]!);
}
