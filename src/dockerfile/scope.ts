import { parseAssignments } from './assignments.ts';
import type { Instruction } from './parse.ts';
import type { Lookup } from './shell-words.ts';
import { type BuildParameters, platformArg, tryExpand, type Variables } from './stages.ts';
import { UnknownValueError } from './substitute.ts';

/** The variables of a stage, as far as they are known without the build. */
export interface Scope {
  readonly variables: Map<string, string | null>;
  /** The variables that ENV set. The image keeps them, so a stage built on this one starts with them. */
  readonly env: Map<string, string | null>;
  /** True if variables that are missing here may have a value, for example from the base image. */
  hasUnknowns: boolean;
}

/** The build parameters of a stage, with the args from before the first FROM. */
export interface StageParameters extends BuildParameters {
  readonly globalValues: Variables;
  readonly escapeToken: string;
}

/** Returns an empty scope. On `scratch` no other variable is set; another base image may set any. */
export function emptyScope(isScratch: boolean): Scope {
  return { variables: new Map(), env: new Map(), hasUnknowns: !isScratch };
}

/** Returns the scope at the start of a stage, given the scope at the end of the stage that it is built on. */
export function inheritScope({ variables, env, hasUnknowns }: Scope): Scope {
  const inherited = new Map(variables);
  for (const name of variables.keys()) {
    const isCertain = env.has(name) || (!hasUnknowns && name !== 'PATH');
    // An ARG can hide a variable that the image's own environment sets again.
    if (!isCertain) inherited.set(name, null);
  }
  for (const [name, value] of env) inherited.set(name, value);
  return { variables: inherited, env: new Map(env), hasUnknowns };
}

/** Returns a lookup in a scope. It throws UnknownValueError for a value that only the build knows. */
export function lookupIn({ variables, hasUnknowns }: Pick<Scope, 'variables' | 'hasUnknowns'>): Lookup {
  return (name) => {
    const value = variables.get(name);
    // BuildKit sets PATH in every stage.
    if (value === null || (value === undefined && (hasUnknowns || name === 'PATH')))
      throw new UnknownValueError(name);
    return value;
  };
}

/** Updates a scope with an instruction and returns the ARGs that it declares. @throws DockerfileError for an invalid word */
export function applyInstruction(
  scope: Scope,
  instruction: Instruction,
  parameters: StageParameters,
): DeclaredArgs {
  if (instruction.keyword === 'ENV') applyEnv(scope, instruction, parameters);
  return instruction.keyword === 'ARG'
    ? applyArg(scope, instruction, parameters)
    : { names: [], isExact: true };
}

/** The names that an ARG declares, as older and as newer BuildKit versions read them. */
export interface DeclaredArgs {
  readonly names: readonly string[];
  /** False if only the build knows one of the names. */
  readonly isExact: boolean;
}

/** All words of an ENV, names too, see the variables as they were before the instruction. */
function applyEnv(scope: Scope, instruction: Instruction, { escapeToken }: StageParameters): void {
  const lookup = lookupIn(scope);
  const expand = (word: string): string | undefined => tryExpand(word, lookup, escapeToken, instruction.line);
  const assignments = parseAssignments(instruction, escapeToken).map(({ name, value }) => [
    expand(name),
    expand(value ?? ''),
  ]);
  for (const [name, value] of assignments) {
    if (name === undefined) forgetAll(scope);
    else for (const table of [scope.variables, scope.env]) table.set(name, value ?? null);
  }
}

/** For an assignment to an unknown name: any variable may have changed. */
function forgetAll(scope: Scope): void {
  scope.variables.clear();
  scope.env.clear();
  scope.hasUnknowns = true;
}

/**
 * BuildKit before 0.14 expands names, and all words see the variables as they were before the instruction. Later versions
 * don't expand names, and each value sees the ones before it. A value that differs counts as unknown.
 */
function applyArg(scope: Scope, instruction: Instruction, parameters: StageParameters): DeclaredArgs {
  const { variables } = scope;
  const { escapeToken } = parameters;
  const assignments = parseAssignments(instruction, escapeToken);
  const oldLookup =
    assignments.length === 1 ? lookupIn(scope) : lookupIn({ ...scope, variables: new Map(variables) });
  const newLookup = lookupIn(scope);
  const names: string[] = [];
  let isExact = true;
  for (const { name: written, value } of assignments) {
    const expand = (word: string, lookup: Lookup): string | undefined =>
      tryExpand(word, lookup, escapeToken, instruction.line);
    const name = expand(written, oldLookup);
    names.push(written, ...(name === undefined || name === written ? [] : [name]));
    if (name === undefined) {
      isExact = false;
      forgetAll(scope);
    } else if (name !== written) variables.set(name, null);
    else if (Object.hasOwn(parameters.args, name)) variables.set(name, parameters.args[name]!);
    else if (value !== undefined) {
      const [oldValue, newValue] = [expand(value, oldLookup), expand(value, newLookup)];
      variables.set(name, oldValue === newValue ? (newValue ?? null) : null);
    } else {
      const outer = parameters.globalValues.has(name)
        ? parameters.globalValues.get(name)
        : platformArg(name, parameters);
      if (outer !== undefined) variables.set(name, outer);
    }
  }
  return { names, isExact };
}
