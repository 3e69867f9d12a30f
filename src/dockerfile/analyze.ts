import { assignedNames } from './assignments.ts';
import { canonicalText, flagText } from './canonical.ts';
import type { ContextPath, RequiredPath } from './context-path.ts';
import { analyzeEpoch, epochName } from './epoch.ts';
import { type ExternalImage, externalImage, isPinned, type UsedPlatform } from './external-image.ts';
import type { UsedFeature } from './features.ts';
import { findFeatures } from './find-features.ts';
import { nonportableFlags } from './instruction-inputs.ts';
import { type MixedImageName, variableNames, withDefaultVariables } from './need-references.ts';
import { type Dockerfile, type Instruction, isCustomFrontend } from './parse.ts';
import {
  type ContextUse,
  findOriginStage,
  findReachableStages,
  type ReachableStage,
  type UnknownImage,
  type UsedNeed,
} from './reachable-stages.ts';
import { type BuildParameters, findTarget, parseStages, type Stage, type Stages } from './stages.ts';
import { findUnusedContexts } from './unused-contexts.ts';

/** An instruction that the target depends on, in a form in which equivalent instructions are equal. */
export interface ReachableInstruction {
  /**
   * `1 3`: the number of the stage among the reachable ones, and the number of the instruction in it. `args 1` for the ARGs
   * before the first FROM.
   */
  readonly name: string;
  readonly line: number;
  readonly text: string;
}

export interface Analysis {
  /** The names that ARGs declare anywhere in the file. */
  readonly declaredArgs: readonly string[];
  /** The images that the target's stages are built on or read from. For a custom frontend, only the syntax image. */
  readonly externalImages: readonly ExternalImage[];
  /** The places where the target's stages read named contexts. */
  readonly contextUses: readonly ContextUse[];
  /** The named contexts that no instruction of the file names. Empty if that is not known. */
  readonly unusedContexts: readonly string[];
  /** The places where the target's stages name images of needs by the needs' build args. */
  readonly neededImages: readonly UsedNeed[];
  /** The image names there that contain a need's value and other text. */
  readonly mixedNames: readonly MixedImageName[];
  readonly unknownImages: readonly UnknownImage[];
  /** The unpinned images that the target's ONBUILD instructions read from, in builds that use this image as their base. */
  readonly triggerImages: readonly string[];
  /** Downloads of the target's stages without a checksum or a commit. */
  readonly unverifiedDownloads: readonly { readonly source: string; readonly line: number }[];
  /** The features that not every frontend has. Empty if it is not known which frontend reads the file. */
  readonly features: readonly UsedFeature[];
  /** The image of the frontend that reads the file; undefined for the engine's own. */
  readonly frontend?: string;
  /** The platforms for which the target's stages run programs. */
  readonly runPlatforms: readonly UsedPlatform[];
  /** True if something that the target depends on names an arg about the platform of the build: BUILDPLATFORM, BUILDARCH. */
  readonly readsBuildPlatform: boolean;
  /** True if builds on this image run ONBUILD instructions of this file. */
  readonly hasTriggers: boolean;
  /** What the target depends on; undefined if that is not known exactly, so that everything counts. */
  readonly seen?: ReachableInputs;
  /** Why that is not known exactly, each with a line; empty if it is. */
  readonly vague: readonly string[];
}

/** Everything in a Dockerfile and its context that can change the target's image. */
export interface ReachableInputs {
  readonly steps: readonly ReachableInstruction[];
  /** The build args that the target's stages declare or are built on. */
  readonly args: readonly string[];
  readonly paths: readonly ContextPath[];
  /** The paths without which the build fails. */
  readonly required: readonly RequiredPath[];
}

/**
 * Analyzes what a target (undefined for the last stage) depends on.
 * @throws DockerfileError if the target does not exist, and for words that BuildKit rejects
 */
export function analyze(file: Dockerfile, target: string | undefined, parameters: BuildParameters): Analysis {
  // BuildKit prefers this arg to the file's syntax line, whether it is declared or not.
  const { BUILDKIT_SYNTAX: syntaxArg } = parameters.args;
  const syntaxImages =
    file.syntax === undefined || syntaxArg !== undefined
      ? []
      : [externalImage(file.syntax, 1, { platform: 'any', isBase: false, place: 'syntax' })];
  const declaredArgs = [
    ...new Set(file.instructions.flatMap((each) => declaredNames(each, file.escapeToken))),
  ];
  if (file.usesCustomFrontend) return customFrontendAnalysis(file.syntax!, declaredArgs, syntaxImages);
  if (syntaxArg !== undefined && isCustomFrontend(syntaxArg))
    return customFrontendAnalysis(syntaxArg, declaredArgs, []);
  const stages = parseStages(file, parameters);
  const reachable = findReachableStages(file, stages, findTarget(stages.all, target), parameters);
  const targetStage = reachable.at(-1)!;
  const epoch = analyzeEpoch(file, stages, parameters);
  const vague = [
    ...file.ambiguities.map((ambiguity) => `line 1: ${ambiguity}`),
    ...epoch.vague,
    ...reachable.flatMap(({ vague: reasons }) => reasons),
  ];
  const isFrontendKnown = syntaxArg === undefined && file.ambiguities.length === 0;
  const evaluated = [
    ...stages.globalArgs,
    ...reachable.flatMap(({ stage, instructions }) => [stage.from, ...instructions]),
  ];
  return {
    declaredArgs,
    externalImages: [...syntaxImages, ...reachable.flatMap(({ externalImages }) => externalImages)],
    contextUses: reachable.flatMap(({ contextUses }) => contextUses),
    unusedContexts: vague.length === 0 ? findUnusedContexts(file, stages, parameters) : [],
    neededImages: reachable.flatMap(({ neededImages }) => neededImages),
    mixedNames: reachable.flatMap(({ mixedNames }) => mixedNames),
    unknownImages: [
      ...(syntaxArg === undefined || isPinned(syntaxArg)
        ? []
        : [{ line: 1, what: `BUILDKIT_SYNTAX (${syntaxArg})` }]),
      ...reachable.flatMap(({ unknownImages }) => unknownImages),
    ],
    triggerImages: targetStage.triggerImages,
    unverifiedDownloads: [
      ...epoch.unverifiedDownloads,
      ...reachable.flatMap(({ unverifiedDownloads }) => unverifiedDownloads),
    ],
    features: isFrontendKnown ? findFeatures(file.instructions, evaluated, file.escapeToken) : [],
    ...(file.syntax === undefined ? {} : { frontend: file.syntax }),
    runPlatforms: runPlatformsOf(reachable),
    readsBuildPlatform: evaluated.some(namesBuildPlatform),
    hasTriggers: targetStage.hasTriggers,
    vague: [...new Set(vague)],
    ...(vague.length === 0 ? { seen: reachableInputs(file, stages, reachable, target) } : {}),
  };
}

/** The analysis of a file for a custom frontend: only the frontend's image is known. */
function customFrontendAnalysis(
  syntax: string,
  declaredArgs: readonly string[],
  externalImages: readonly ExternalImage[],
): Analysis {
  return {
    declaredArgs,
    externalImages,
    contextUses: [],
    unusedContexts: [],
    neededImages: [],
    runPlatforms: [],
    readsBuildPlatform: true,
    mixedNames: [],
    unknownImages: [{ line: 1, what: `what the frontend ${syntax} builds on` }],
    triggerImages: [],
    unverifiedDownloads: [],
    features: [],
    hasTriggers: true,
    vague: [`line 1: files for the frontend ${syntax} cannot be analyzed`],
  };
}

/** Instructions that only configure containers and change no file: they don't matter in a stage that is only copied from. */
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

/** Returns a stage and the stages that it is built on, whose configuration it inherits. */
function baseChain(all: readonly Stage[], index: number): ReadonlySet<number> {
  const chain = new Set([index]);
  for (let base = all[index]!.base; typeof base === 'number'; base = all[base]!.base) chain.add(base);
  return chain;
}

function reachableInputs(
  file: Dockerfile,
  stages: Stages,
  reachable: readonly ReachableStage[],
  target: string | undefined,
): ReachableInputs {
  const declared = reachable.flatMap(({ declaredArgs }) => declaredArgs);
  if (stages.globalValues.has(epochName)) declared.push(epochName);
  const fromTexts = reachable.map(({ stage }) => `${stage.from.rest} ${flagText(stage.from)}`);
  const args = withDefaultVariables(
    stages.globalArgs,
    new Set([...declared, ...variableNames(fromTexts.join('\n'))]),
    file.escapeToken,
  );
  const globalArgs = stages.globalArgs.filter((each) =>
    assignedNames(each, file.escapeToken).some((name) => args.has(name)),
  );
  const flags = new Set([...file.instructions.flatMap(nonportableFlags), ...stages.all.flatMap(unknownFrom)]);
  // The target's name matters only if the file asks for it.
  const targetName = args.has('TARGETSTAGE') ? [target ?? stages.all.at(-1)!.name ?? ''] : [];
  return {
    steps: [
      ...(file.syntax === undefined ? [] : [{ name: 'syntax', line: 1, text: file.syntax }]),
      ...(file.escapeToken === '\\' ? [] : [{ name: 'escape', line: 1, text: file.escapeToken }]),
      ...(file.check === undefined ? [] : [{ name: 'check', line: 1, text: file.check }]),
      ...(flags.size === 0 ? [] : [{ name: 'flags', line: 1, text: [...flags].sort().join(' ') }]),
      ...targetName.map((text) => ({ name: 'target stage', line: 1, text })),
      ...globalArgs.map((each, at) => ({
        name: `args ${at + 1}`,
        line: each.line,
        text: canonicalText(each, () => undefined),
      })),
      ...stageInstructions(stages, reachable),
    ],
    args: [...args].sort(),
    paths: reachable.flatMap(({ paths }) => paths),
    required: reachable.flatMap(({ required }) => required),
  };
}

/**
 * Returns what FROM says if only the build knows its platform or base: older BuildKit versions reject a Dockerfile in which one of them
 * is empty, whatever the target is (moby/buildkit dockerfile2llb/convert.go).
 */
function unknownFrom({ from, platform, base }: Stage): string[] {
  return platform === null || base === undefined ? [`FROM ${flagText(from)} ${from.rest}`] : [];
}

function stageInstructions(stages: Stages, reachable: readonly ReachableStage[]): ReachableInstruction[] {
  const positions = new Map(reachable.map(({ index }, position) => [index, position]));
  const inheritedConfig = baseChain(stages.all, reachable.at(-1)!.index);
  return reachable.flatMap(({ stage, instructions, index }, position) => {
    // References to stages become numbers, so renaming a stage changes nothing.
    const renameStage = (origin: string, byNumber: boolean): string | undefined => {
      const found = findOriginStage(stages.all, origin, { before: index, byNumber });
      return found === undefined ? undefined : `stage ${positions.get(found)}`;
    };
    const base =
      typeof stage.base === 'number'
        ? `stage ${positions.get(stage.base)}`
        : stage.from.rest.split(/\s/, 1)[0]!;
    const relevant = inheritedConfig.has(index)
      ? instructions
      : instructions.filter(({ keyword }) => !configOnly.has(keyword));
    return [{ ...stage.from, rest: base }, ...relevant].map((each, at) => ({
      name: `${position} ${at}`,
      line: each.line,
      text: canonicalText(each, renameStage),
    }));
  });
}

/** Returns the names that an ARG declares in all BuildKit versions: only older ones accept quotes and variables in names. */
function declaredNames({ keyword, rest, trigger, ...more }: Instruction, escapeToken: string): string[] {
  if (trigger !== undefined) return declaredNames(trigger, escapeToken);
  if (keyword !== 'ARG') return [];
  const names = assignedNames({ keyword, rest, ...more }, escapeToken);
  return names.filter((name) => !/["'$\\`]/.test(name));
}

function runPlatformsOf(stages: readonly ReachableStage[]): UsedPlatform[] {
  const running = stages.filter(({ instructions }) => instructions.some(({ keyword }) => keyword === 'RUN'));
  return [...new Set(running.map(({ platform }) => platform))];
}

const buildPlatformName = /BUILD(?:PLATFORM|OS|ARCH|VARIANT)\b/;

/** Variables reach other instructions through an ARG only. */
function namesBuildPlatform({ rest, flags, trigger }: Instruction): boolean {
  if (trigger !== undefined && namesBuildPlatform(trigger)) return true;
  return buildPlatformName.test(rest) || flags.some(({ value }) => buildPlatformName.test(value));
}
