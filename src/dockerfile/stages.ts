import { platformArgs } from '../model/platform.ts';
import { contextName } from '../model/reference.ts';
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
  /** The index of an earlier stage, `scratch`, or an image's name; undefined if only the build knows the base. */
  readonly base: number | string | undefined;
  /** The platform that FROM asks for; null if only the build knows it, undefined if it asks for none. */
  readonly platform: string | null | undefined;
  readonly instructions: readonly Instruction[];
}

/** The values of variables; null for a value that only the build knows. */
export type Variables = ReadonlyMap<string, string | null>;

export interface Stages {
  /** The ARG instructions before the first FROM. */
  readonly globalArgs: readonly Instruction[];
  /** The values that those declare. */
  readonly globalValues: Variables;
  readonly all: readonly Stage[];
}

/** The args that BuildKit sets itself, from the machine and the requested platform. */
const platformArgNames = /^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$/;
/** Those that docker 20.10's BuildKit doesn't know. */
const newPlatformArgs = /OSVERSION$|^TARGETSTAGE$/;
/** The platforms that BuildKit doesn't normalize to another text. */
const plainPlatform = /^linux\/(amd64|arm64|386|ppc64le|s390x|riscv64|arm\/v[67])$/;

/** The build args, the platforms (such as `linux/arm64`), and the names of the named contexts of a build. */
export interface BuildParameters {
  readonly args: Readonly<Record<string, string>>;
  readonly platform: string;
  /** The platform that the build runs on; undefined if only the build knows it. */
  readonly buildPlatform?: string;
  /** As `contextName` returns them. */
  readonly contexts?: readonly string[];
}

/** Returns the named context that BuildKit takes for an image or a stage; undefined if there is none. */
export function findContext(name: string, { contexts }: BuildParameters): string | undefined {
  if (contexts === undefined || contexts.length === 0) return undefined;
  const short = contextName(name);
  return contexts.includes(short) ? short : undefined;
}

/** Parses the stages of a Dockerfile for one set of build parameters. @throws DockerfileError for an invalid FROM or ARG */
export function parseStages(file: Dockerfile, parameters: BuildParameters): Stages {
  const start = file.instructions.findIndex(({ keyword }) => keyword === 'FROM');
  const globalArgs = file.instructions.slice(0, start);
  const globalValues = expandGlobalArgs(globalArgs, parameters, file.escapeToken);
  const all: (Stage & { instructions: Instruction[] })[] = [];
  let isReplaced = false;
  for (const instruction of file.instructions.slice(start)) {
    if (instruction.keyword === 'FROM') {
      const stage = parseFrom(instruction, all, globalLookup(globalValues, parameters), file.escapeToken);
      const { name } = stage;
      isReplaced = name !== undefined && findContext(name, parameters) !== undefined;
      all.push({ ...(isReplaced ? replacedStage(instruction, name!) : stage), instructions: [] });
    } else if (!isReplaced) all.at(-1)!.instructions.push(instruction);
  }
  return { globalArgs, globalValues, all };
}

/** A named context takes the place of the stage with its name: it becomes the stage's base, and no instruction runs. */
function replacedStage(from: Instruction, name: string): Omit<Stage, 'instructions'> {
  return { name, from: { ...from, rest: name }, base: name, platform: undefined };
}

/**
 * Returns the index of the stage that a target names by name or number, or of the last stage if it is undefined.
 * @throws DockerfileError if there is no such stage
 */
export function findTarget(stages: readonly Stage[], target: string | undefined): number {
  if (target === undefined) return stages.length - 1;
  const found = findStageByName(stages, target) ?? findStageByNumber(stages, target);
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  throw new DockerfileError(
    stages.at(-1)!.from.line,
    `there is no stage "${target}"; ${names.length > 0 ? `the named stages are ${names.join(', ')}` : 'no stage has a name'}`,
    { isTarget: true },
  );
}

/** Returns the index of the last stage with a name, ignoring case. */
export function findStageByName(stages: readonly Stage[], name: string): number | undefined {
  const index = stages.findLastIndex((stage) => stage.name === name.toLowerCase());
  return index < 0 ? undefined : index;
}

/** Returns the index of a stage by its number, if it exists. COPY accepts a sign, too. */
export function findStageByNumber(stages: readonly Stage[], number: string): number | undefined {
  const index = isGoInteger(number) ? Number(number) : -1;
  return index >= 0 && index < stages.length ? Math.abs(index) : undefined;
}

/** Tells whether Go parses a text as an integer. */
export function isGoInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text);
}

/**
 * Returns the value that an arg gets from BuildKit if it is declared: null if only the builder knows it, undefined if BuildKit
 * doesn't set this arg.
 */
export function platformArg(
  name: string,
  { platform, buildPlatform, args }: BuildParameters,
): string | null | undefined {
  if (!platformArgNames.test(name)) return undefined;
  if (Object.hasOwn(args, name)) return newPlatformArgs.test(name) ? null : args[name]!;
  const known = name.startsWith('BUILD') ? buildPlatform : platform;
  if (known === undefined || !plainPlatform.test(known)) return null;
  return platformArgs(known)[name.replace(/^BUILD|^TARGET/, '')] ?? null;
}

function globalLookup(globalValues: Variables, parameters: BuildParameters): Lookup {
  return (name) => {
    const value = globalValues.has(name) ? globalValues.get(name) : platformArg(name, parameters);
    if (value === null) throw new UnknownValueError(name);
    return value;
  };
}

function expandGlobalArgs(
  globalArgs: readonly Instruction[],
  parameters: BuildParameters,
  escapeToken: string,
): Variables {
  const values = new Map<string, string | null>();
  const lookup = globalLookup(values, parameters);
  for (const instruction of globalArgs) {
    for (const { name, value } of parseAssignments(instruction, escapeToken)) {
      if (Object.hasOwn(parameters.args, name)) values.set(name, parameters.args[name]!);
      else if (value !== undefined)
        values.set(name, tryExpand(value, lookup, escapeToken, instruction.line) ?? null);
      // Older BuildKit versions discard the previous value, newer ones keep it.
      else if (values.has(name) || platformArgNames.test(name)) values.set(name, null);
    }
  }
  return values;
}

/**
 * Expands a word. Returns undefined if the result depends on a value that only the build knows.
 * @throws DockerfileError for an invalid word
 */
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
    if (error instanceof WordError) throw new DockerfileError(line, `${word}: ${error.message}`, { word });
    throw error;
  }
}

function parseFrom(
  from: Instruction,
  earlier: readonly Stage[],
  lookup: Lookup,
  escapeToken: string,
): Omit<Stage, 'instructions'> {
  const words = from.rest.split(/[\t\v\f\r ]+/);
  const [image, as, name] = words;
  const isNamed = words.length === 3 && as!.toLowerCase() === 'as';
  if (words.length !== 1 && !isNamed)
    throw new DockerfileError(from.line, 'invalid FROM: expected FROM <image> [AS <name>]');
  if (isNamed && !/^[a-z][a-z0-9-_.]*$/i.test(name!))
    throw new DockerfileError(from.line, `invalid stage name "${name}"`, { word: name! });
  const base = tryExpand(image!, lookup, escapeToken, from.line);
  if (base === '')
    throw new DockerfileError(from.line, `the base image ${image} is empty`, {
      word: image!,
      hint: 'give the ARG a default before the first FROM, or set it in args or needs of the definition',
    });
  const stage = base === undefined ? undefined : findStageByName(earlier, base);
  const asked = from.flags.find((flag) => flag.name === 'platform')?.value;
  const platform =
    asked === undefined ? undefined : (tryExpand(asked, lookup, escapeToken, from.line) ?? null);
  return { name: isNamed ? name!.toLowerCase() : undefined, from, base: stage ?? base, platform };
}
