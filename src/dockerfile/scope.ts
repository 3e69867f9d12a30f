import { parseAssignments } from './assignments.ts';
import type { Instruction } from './parse.ts';
import type { Lookup } from './shell-words.ts';
import { type BuildParameters, platformArg, tryExpand, type Variables } from './stages.ts';
import { UnknownValueError } from './substitute.ts';

/** The variables of a stage as far as they can be known without the build. */
export interface Scope {
  readonly variables: Map<string, string | null>;
  /** What ENV set: it is in the image, and set again in a stage that is built on this one. */
  readonly env: Map<string, string | null>;
  /** True: what is not set here may be set by the base image. */
  isOpen: boolean;
}

/** What a stage sees of build args: those that are given, and those from before the first FROM. */
export interface StageParameters extends BuildParameters {
  readonly globals: Variables;
  readonly escapeToken: string;
}

/** A scope with nothing in it. On `scratch` nothing else is set; another image may set anything. */
export function emptyScope(isScratch: boolean): Scope {
  return { variables: new Map(), env: new Map(), isOpen: !isScratch };
}

/** The scope at the start of a stage that is built on another one, whose end is given. */
export function inheritScope({ variables, env, isOpen }: Scope): Scope {
  const inherited = new Map(variables);
  for (const name of variables.keys()) {
    const isCertain = env.has(name) || (!isOpen && name !== 'PATH');
    // An ARG may hide what the image's own environment sets again.
    if (!isCertain) inherited.set(name, null);
  }
  for (const [name, value] of env) inherited.set(name, value);
  return { variables: inherited, env: new Map(env), isOpen };
}

/** Finds values; throws Unknowable for those that only the build knows. */
export function lookupIn({ variables, isOpen }: Pick<Scope, 'variables' | 'isOpen'>): Lookup {
  return (name) => {
    const value = variables.get(name);
    // BuildKit gives every stage a PATH.
    if (value === null || (value === undefined && (isOpen || name === 'PATH')))
      throw new UnknownValueError(name);
    return value;
  };
}

/** Brings a scope behind an instruction, and gives the names of the ARGs that it declares. @throws DockerfileError */
export function applyInstruction(
  scope: Scope,
  instruction: Instruction,
  setting: StageParameters,
): DeclaredArgs {
  if (instruction.keyword === 'ENV') setEnv(scope, instruction, setting);
  return instruction.keyword === 'ARG' ? setArgs(scope, instruction, setting) : { names: [], isExact: true };
}

/** What an ARG declares: as old and as new builders read it. Not exact: a name among them is not known. */
export interface DeclaredArgs {
  readonly names: readonly string[];
  readonly isExact: boolean;
}

/** The words of one ENV, names too, all see the variables as they were before it. */
function setEnv(scope: Scope, instruction: Instruction, { escapeToken }: StageParameters): void {
  const lookup = lookupIn(scope);
  const expand = (word: string): string | undefined => tryExpand(word, lookup, escapeToken, instruction.line);
  const pairs = parseAssignments(instruction, escapeToken).map(({ name, value }) => [
    expand(name),
    expand(value ?? ''),
  ]);
  for (const [name, value] of pairs) {
    if (name === undefined) forget(scope);
    else for (const table of [scope.variables, scope.env]) table.set(name, value ?? null);
  }
}

/** Any variable may have been set. */
function forget(scope: Scope): void {
  scope.variables.clear();
  scope.env.clear();
  scope.isOpen = true;
}

/**
 * Builders before 0.14 expand names, and all words with the variables as they were before; later ones take names as they are
 * written, and expand values in turn. What differs is not known.
 */
function setArgs(scope: Scope, instruction: Instruction, setting: StageParameters): DeclaredArgs {
  const { variables } = scope;
  const { escapeToken } = setting;
  const pairs = parseAssignments(instruction, escapeToken);
  const before = pairs.length === 1 ? lookupIn(scope) : lookupIn({ ...scope, variables: new Map(variables) });
  const now = lookupIn(scope);
  const names: string[] = [];
  let isExact = true;
  for (const { name: written, value } of pairs) {
    const expand = (word: string, lookup: Lookup): string | undefined =>
      tryExpand(word, lookup, escapeToken, instruction.line);
    const name = expand(written, before);
    names.push(written, ...(name === undefined || name === written ? [] : [name]));
    if (name === undefined) {
      isExact = false;
      forget(scope);
    } else if (name !== written) variables.set(name, null);
    else if (Object.hasOwn(setting.args, name)) variables.set(name, setting.args[name]!);
    else if (value !== undefined) {
      const [old, late] = [expand(value, before), expand(value, now)];
      variables.set(name, old === late ? (late ?? null) : null);
    } else {
      const outer = setting.globals.has(name) ? setting.globals.get(name) : platformArg(name, setting);
      if (outer !== undefined) variables.set(name, outer);
    }
  }
  return { names, isExact };
}
