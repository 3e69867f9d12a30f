import { parseAssignments } from './assignments.ts';
import { DockerfileError } from './error.ts';
import type { Dockerfile, Instruction } from './parse.ts';
import { NeedValueError } from './placeholder.ts';
import { expandWords, type Lookup } from './shell-words.ts';
import { UnknownValueError, WordError } from './substitute.ts';

export interface Stage {
  /** Lower case. */
  readonly name: string | undefined;
  readonly from: Instruction;
  /** The base as an earlier stage's index, `scratch`, or an image's name; undefined where it hangs on what only the build knows. */
  readonly base: number | string | undefined;
  readonly instructions: readonly Instruction[];
}

/** Values of variables; null: unknowable. */
export type Variables = ReadonlyMap<string, string | null>;

export interface Stages {
  /** ARG instructions before the first FROM. */
  readonly global: readonly Instruction[];
  /** What those give; null where it hangs on what only the build knows. */
  readonly globals: Variables;
  readonly all: readonly Stage[];
}

/** Set by BuildKit itself; what they are hangs on the machine and the platform asked for. */
const platformArgs = /^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$/;
/** Of those, the ones that BuildKit of docker 20.10 does not know. */
const newArgs = /OSVERSION$|^TARGETSTAGE$/;
/** Platforms that BuildKit writes as they are asked for. */
const plainPlatform = /^linux\/(amd64|arm64|386|ppc64le|s390x|riscv64|arm\/v[67])$/;

/** What a build is asked for: its build args and its platform, `linux/arm64`. */
export interface BuildParameters {
  readonly args: Readonly<Record<string, string>>;
  readonly platform: string;
}

/** The stages of a file, as a build that is given this sees them. @throws DockerfileError */
export function parseStages(file: Dockerfile, given: BuildParameters): Stages {
  const start = file.instructions.findIndex(({ keyword }) => keyword === 'FROM');
  const global = file.instructions.slice(0, start);
  const globals = readGlobals(global, given, file.escapeToken);
  const all: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of file.instructions.slice(start)) {
    if (instruction.keyword === 'FROM')
      all.push({
        ...readFrom(instruction, all, globalLookup(globals, given), file.escapeToken),
        instructions: [],
      });
    else all.at(-1)!.instructions.push(instruction);
  }
  return { global, globals, all };
}

/** The index of the stage that a target names, by name or number; the last where it is undefined. @throws DockerfileError */
export function findTarget(stages: readonly Stage[], target: string | undefined): number {
  if (target === undefined) return stages.length - 1;
  const found = findStageByName(stages, target) ?? findStageByNumber(stages, target);
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  throw new DockerfileError(
    stages.at(-1)!.from.line,
    `there is no stage "${target}"; there are ${names.length > 0 ? names.join(', ') : 'no named stages'}`,
  );
}

/** A stage by its name; of several the last. */
export function findStageByName(stages: readonly Stage[], name: string): number | undefined {
  const index = stages.findLastIndex((stage) => stage.name === name.toLowerCase());
  return index < 0 ? undefined : index;
}

/** A stage by its number, where there is one; COPY takes a sign, too. */
export function findStageByNumber(stages: readonly Stage[], number: string): number | undefined {
  const index = isGoInteger(number) ? Number(number) : -1;
  return index >= 0 && index < stages.length ? Math.abs(index) : undefined;
}

/** What Go reads as a number. */
export function isGoInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text);
}

/** An arg that BuildKit sets by itself, where it is declared: null for those that the builder decides. */
export function platformArg(name: string, { platform, args }: BuildParameters): string | null | undefined {
  if (!platformArgs.test(name)) return undefined;
  if (Object.hasOwn(args, name)) return newArgs.test(name) ? null : args[name]!;
  if (!plainPlatform.test(platform)) return null;
  const [os, architecture, variant] = platform.split('/');
  const target: Readonly<Record<string, string | undefined>> = {
    TARGETPLATFORM: platform,
    TARGETOS: os,
    TARGETARCH: architecture,
    TARGETVARIANT: variant ?? '',
  };
  return target[name] ?? null;
}

function globalLookup(globals: Variables, given: BuildParameters): Lookup {
  return (name) => {
    const value = globals.has(name) ? globals.get(name) : platformArg(name, given);
    if (value === null) throw new UnknownValueError(name);
    return value;
  };
}

function readGlobals(global: readonly Instruction[], given: BuildParameters, escapeToken: string): Variables {
  const globals = new Map<string, string | null>();
  const lookup = globalLookup(globals, given);
  for (const instruction of global) {
    for (const { name, value } of parseAssignments(instruction, escapeToken)) {
      if (Object.hasOwn(given.args, name)) globals.set(name, given.args[name]!);
      else if (value !== undefined)
        globals.set(name, tryExpand(value, lookup, escapeToken, instruction.line) ?? null);
      // Old builders forget the value that it had; new ones keep it.
      else if (globals.has(name) || platformArgs.test(name)) globals.set(name, null);
    }
  }
  return globals;
}

/** An expanded word; undefined where it hangs on what only the build knows. @throws DockerfileError */
export function tryExpand(
  word: string,
  lookup: Lookup,
  escapeToken: string,
  line: number,
): string | undefined {
  try {
    return expandWords(word, lookup, { escape: escapeToken }).text;
  } catch (error) {
    if (error instanceof UnknownValueError || error instanceof NeedValueError) return undefined;
    if (error instanceof WordError) throw new DockerfileError(line, `${word}: ${error.message}`);
    throw error;
  }
}

function readFrom(
  from: Instruction,
  before: readonly Stage[],
  lookup: Lookup,
  escapeToken: string,
): Omit<Stage, 'instructions'> {
  const words = from.rest.split(/[\t\v\f\r ]+/);
  const [image, as, name] = words;
  const isNamed = words.length === 3 && as!.toLowerCase() === 'as';
  if (words.length !== 1 && !isNamed)
    throw new DockerfileError(from.line, `FROM takes an image, and "AS" and a name behind it`);
  if (isNamed && !/^[a-z][a-z0-9-_.]*$/i.test(name!))
    throw new DockerfileError(from.line, `"${name}" is no name of a stage`);
  const base = tryExpand(image!, lookup, escapeToken, from.line);
  if (base === '') throw new DockerfileError(from.line, `the base ${image} is empty`);
  const stage = base === undefined ? undefined : findStageByName(before, base);
  return { name: isNamed ? name!.toLowerCase() : undefined, from, base: stage ?? base };
}
