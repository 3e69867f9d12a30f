import { parseAssignments } from './assignments.ts';
import { canonicalText, flagText } from './canonical.ts';
import { type ContextPath, nonportableFlags } from './instruction-inputs.ts';
import { parseMount } from './mounts.ts';
import {
  type MixedImageName,
  type NeededImage,
  variableNames,
  withDefaultVariables,
} from './need-references.ts';
import { type Dockerfile, type Instruction, isCustomFrontend } from './parse.ts';
import {
  type ExternalImage,
  externalImage,
  findOriginStage,
  findReachableStages,
  isPinned,
  type ReachableStage,
  type UnknownImage,
} from './reachable-stages.ts';
import {
  type BuildParameters,
  findStageByName,
  findTarget,
  parseStages,
  type Stage,
  type Stages,
} from './stages.ts';

/** One instruction that the target can see, in the form in which two that mean the same are equal. */
export interface ReachableInstruction {
  /** `1 3`: the stage's number among those seen, and the instruction's in it; `args` for those before the first FROM. */
  readonly name: string;
  readonly line: number;
  readonly text: string;
}

export interface Analysis {
  /** All names that an ARG declares, anywhere in the file. */
  readonly declaredArgs: readonly string[];
  /** Images that the target's stages stand on or copy from; of another language's files only the syntax image. */
  readonly externalImages: readonly ExternalImage[];
  /** Where the target's stages name the images of needs, by the needs' build args. */
  readonly neededImages: readonly NeededImage[];
  /** Names of images there that are made of a need's value and something else. */
  readonly mixedNames: readonly MixedImageName[];
  readonly unknownImages: readonly UnknownImage[];
  /** What is taken from images by instructions of ONBUILD, which run in what is built on this image. */
  readonly triggerImages: readonly string[];
  /** Downloads of the target's stages that have neither checksum nor commit. */
  readonly unverifiedDownloads: readonly { readonly source: string; readonly line: number }[];
  /** The first form that BuildKit of docker 20.10 does not know, where the engine's own is to read it. */
  readonly newForm?: NewSyntax;
  /** True: an image built on this one runs instructions that stand here (ONBUILD). */
  readonly hasTriggers: boolean;
  /** What the target sees; undefined where that is not understood exactly: then everything counts. */
  readonly seen?: ReachableInputs;
  /** Why it is not: in words, each with its line. */
  readonly vague: readonly string[];
}

/** What needs docker 23 or newer, in words, and where it stands. */
export interface NewSyntax {
  readonly what: string;
  readonly line: number;
}

/** All of a Dockerfile and its context that can change the target's image. */
export interface ReachableInputs {
  readonly steps: readonly ReachableInstruction[];
  /** Build args that the target's stages declare or stand on. */
  readonly args: readonly string[];
  readonly paths: readonly ContextPath[];
}

/**
 * What a build of a target sees and takes from outside.
 * @throws DockerfileError for a target that does not exist, and words that BuildKit refuses
 */
export function analyze(file: Dockerfile, target: string | undefined, given: BuildParameters): Analysis {
  // BuildKit heeds this arg before the file's own line, declared or not.
  const { BUILDKIT_SYNTAX: other } = given.args;
  const syntax =
    file.syntax === undefined || other !== undefined
      ? []
      : [externalImage(file.syntax, 1, { platform: 'any', isBase: false, place: 'syntax' })];
  const declaredArgs = [...new Set(file.instructions.flatMap((each) => plainArgs(each, file.escapeToken)))];
  if (file.usesCustomFrontend) return foreign(file.syntax!, declaredArgs, syntax);
  if (other !== undefined && isCustomFrontend(other)) return foreign(other, declaredArgs, []);
  const stages = parseStages(file, given);
  const reached = findReachableStages(file, stages, findTarget(stages.all, target), given);
  const epoch = readEpoch(file, stages, given);
  const vague = [
    ...file.doubts.map((doubt) => `line 1: ${doubt}`),
    ...epoch.vague,
    ...reached.flatMap(({ vague: reasons }) => reasons),
  ];
  const newForm = file.syntax === undefined && other === undefined ? findNewForm(file) : undefined;
  return {
    declaredArgs,
    externalImages: [...syntax, ...reached.flatMap(({ images }) => images)],
    neededImages: reached.flatMap(({ needed }) => needed),
    mixedNames: reached.flatMap(({ partly }) => partly),
    unknownImages: [
      ...(other === undefined || isPinned(other) ? [] : [{ line: 1, what: `BUILDKIT_SYNTAX, ${other},` }]),
      ...reached.flatMap(({ unknown }) => unknown),
    ],
    triggerImages: reached.at(-1)!.triggerImages,
    unverifiedDownloads: [...epoch.loose, ...reached.flatMap(({ loose }) => loose)],
    ...(newForm !== undefined ? { newForm } : {}),
    hasTriggers: reached.at(-1)!.hasTriggers,
    vague: [...new Set(vague)],
    ...(vague.length === 0 ? { seen: whatIsSeen(file, stages, reached, target) } : {}),
  };
}

/** Flags that the BuildKit of docker 20.10 refuses, in any stage, and that of docker 23 knows. */
const newFlags: ReadonlySet<string> = new Set(['COPY --link', 'ADD --link', 'RUN --network']);

/** Docker 20.10 does not only refuse them: its engine dies of the mount. */
function findNewForm({ instructions }: Dockerfile): NewSyntax | undefined {
  for (const { line, keyword, heredocs, flags, trigger } of instructions) {
    if (heredocs.length > 0) return { what: 'a heredoc', line };
    const flag = flags.map(({ name }) => `${keyword} --${name}`).find((each) => newFlags.has(each));
    if (flag !== undefined) return { what: flag, line };
    const mounts = [...flags, ...(trigger?.flags ?? [])].filter(({ name }) => name === 'mount');
    const read = mounts.map(({ value }) => parseMount(value));
    if (read.some((mount) => mount?.from !== undefined && mount.type.toLowerCase() === 'tmpfs'))
      return { what: 'a tmpfs mount with an origin', line };
  }
  return undefined;
}

const epochName = 'SOURCE_DATE_EPOCH';

/** New builders take the image's time from an ARG before the first FROM, and where that is no number, from what it names. */
function readEpoch(
  file: Dockerfile,
  stages: Stages,
  given: BuildParameters,
): Pick<ReachableStage, 'vague' | 'loose'> {
  const value = given.args[epochName] ?? stages.globals.get(epochName);
  if (value === undefined || value === '' || (value !== null && /^(0|[1-9]\d*)$/.test(value)))
    return { vague: [], loose: [] };
  const line =
    stages.global.find((each) => globalNames(each, file.escapeToken).includes(epochName))?.line ?? 1;
  const stage = value === null ? undefined : findStageByName(stages.all, value);
  return {
    vague: [`line ${line}: ${epochName} is no number`],
    loose:
      stage === undefined
        ? []
        : findReachableStages(file, stages, stage, given).flatMap(({ loose }) => loose),
  };
}

/** A file in another language: nothing is known of it but the image that reads it. */
function foreign(
  syntax: string,
  declaredArgs: readonly string[],
  externalImages: readonly ExternalImage[],
): Analysis {
  return {
    declaredArgs,
    externalImages,
    neededImages: [],
    mixedNames: [],
    unknownImages: [{ line: 1, what: `what the language ${syntax} builds on` }],
    triggerImages: [],
    unverifiedDownloads: [],
    hasTriggers: true,
    vague: [`line 1: the language ${syntax} is not known`],
  };
}

/** They say how a container is started, and change no file: in a stage that is only copied from they mean nothing. */
const configOnly = new Set([
  'CMD',
  'ENTRYPOINT',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'STOPSIGNAL',
  'VOLUME',
]);

/** A stage and all that it stands on, whose configuration it inherits. */
function chainOf(all: readonly Stage[], index: number): ReadonlySet<number> {
  const chain = new Set([index]);
  for (let base = all[index]!.base; typeof base === 'number'; base = all[base]!.base) chain.add(base);
  return chain;
}

function whatIsSeen(
  file: Dockerfile,
  stages: Stages,
  reached: readonly ReachableStage[],
  target: string | undefined,
): ReachableInputs {
  const declared = reached.flatMap((each) => each.declared);
  if (stages.globals.has(epochName)) declared.push(epochName);
  const used = variableNames(
    reached.map(({ stage }) => `${stage.from.rest} ${flagText(stage.from)}`).join('\n'),
  );
  const relevant = withDefaultVariables(stages.global, new Set([...declared, ...used]), file.escapeToken);
  const globals = stages.global.filter((each) =>
    globalNames(each, file.escapeToken).some((name) => relevant.has(name)),
  );
  const places = new Map(reached.map(({ index }, place) => [index, place]));
  const chain = chainOf(stages.all, reached.at(-1)!.index);
  const stageSteps = reached.flatMap(({ stage, instructions, index }, place) => {
    // A stage by another name is the same stage: what takes from it says which one it is.
    const placeOf = (origin: string, byNumber: boolean): string | undefined => {
      const found = findOriginStage(stages.all, origin, { before: index, byNumber });
      return found === undefined ? undefined : `stage ${places.get(found)}`;
    };
    const base =
      typeof stage.base === 'number' ? `stage ${places.get(stage.base)}` : stage.from.rest.split(/\s/, 1)[0]!;
    const counting = chain.has(index)
      ? instructions
      : instructions.filter(({ keyword }) => !configOnly.has(keyword));
    return [{ ...stage.from, rest: base }, ...counting].map((each, at) => ({
      name: `${place} ${at}`,
      line: each.line,
      text: canonicalText(each, placeOf),
    }));
  });
  const args = new Set([...declared, ...relevant]);
  const flags = new Set(file.instructions.flatMap(nonportableFlags));
  // Otherwise a stage's name means nothing.
  const named = args.has('TARGETSTAGE') ? [target ?? stages.all.at(-1)!.name ?? ''] : [];
  return {
    steps: [
      ...(file.syntax === undefined ? [] : [{ name: 'syntax', line: 1, text: file.syntax }]),
      ...(file.escapeToken === '\\' ? [] : [{ name: 'escape', line: 1, text: file.escapeToken }]),
      ...(file.check === undefined ? [] : [{ name: 'check', line: 1, text: file.check }]),
      ...(flags.size === 0 ? [] : [{ name: 'flags', line: 1, text: [...flags].sort().join(' ') }]),
      ...named.map((text) => ({ name: 'target stage', line: 1, text })),
      ...globals.map((each, at) => ({
        name: `args ${at + 1}`,
        line: each.line,
        text: canonicalText(each, () => undefined),
      })),
      ...stageSteps,
    ],
    args: [...args].sort(),
    paths: reached.flatMap(({ paths }) => paths),
  };
}

/** Names of an ARG before the first FROM, which builders take as they are written. */
function globalNames(instruction: Instruction, escapeToken: string): string[] {
  return parseAssignments(instruction, escapeToken).map(({ name }) => name);
}

/** Names that an ARG declares for all builders: old ones alone take quotes and variables in them. */
function plainArgs({ keyword, rest, trigger, ...more }: Instruction, escapeToken: string): string[] {
  if (trigger !== undefined) return plainArgs(trigger, escapeToken);
  if (keyword !== 'ARG') return [];
  const names = globalNames({ keyword, rest, ...more }, escapeToken);
  return names.filter((name) => !/["'$\\`]/.test(name));
}
