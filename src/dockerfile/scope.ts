import { asPairs } from './pairs.ts';
import type { Instruction } from './parse.ts';
import { attempt, type Given, platformArg, Unknowable, type Variables } from './stages.ts';
import type { Lookup } from './words.ts';

/** The variables of a stage as far as they can be known without the build. */
export interface Scope {
  readonly variables: Variables;
  /** True: what is not set here may be set by the base image. */
  readonly isOpen: boolean;
}

/** A scope with nothing in it. On `scratch` nothing else is set; another image may set anything. */
export function emptyScope(isScratch: boolean): Scope {
  return { variables: new Map(), isOpen: !isScratch };
}

/** Finds values; throws Unknowable for those that only the build knows. */
export function lookupIn({ variables, isOpen }: Scope): Lookup {
  return (name) => {
    const value = variables.get(name);
    // BuildKit gives every stage a PATH.
    if (value === null || (value === undefined && (isOpen || name === 'PATH'))) throw new Unknowable(name);
    return value;
  };
}

/** The scope behind an instruction. `globals`: what ARGs before the first FROM gave. @throws DockerfileError */
export function scopeAfter(
  scope: Scope,
  instruction: Instruction,
  given: Given & {
    readonly globals: Variables;
    readonly escapeToken: string;
  },
): Scope {
  const { keyword, line } = instruction;
  if (keyword !== 'ARG' && keyword !== 'ENV') return scope;
  const variables = new Map(scope.variables);
  for (const { name, value } of asPairs(instruction, given.escapeToken)) {
    // The words of one ENV all see the variables as they were before it, those of one ARG in turn.
    const lookup = lookupIn(keyword === 'ENV' ? scope : { ...scope, variables });
    const expand = (word: string): string | null => attempt(word, lookup, given.escapeToken, line) ?? null;
    if (keyword === 'ENV') variables.set(name, expand(value ?? ''));
    else if (Object.hasOwn(given.args, name)) variables.set(name, given.args[name]!);
    else if (value !== undefined) variables.set(name, expand(value));
    else if (given.globals.has(name)) variables.set(name, given.globals.get(name)!);
    else {
      const own = platformArg(name, given.platform);
      if (own !== undefined) variables.set(name, own);
    }
  }
  return { ...scope, variables };
}
