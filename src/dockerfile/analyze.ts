import { assignedNames } from './assignments.ts';
import { analyzeEpoch } from './epoch.ts';
import { type ExternalImage, externalImage, isPinned, type UsedPlatform } from './external-image.ts';
import type { UsedFeature } from './features.ts';
import { findFeatures } from './find-features.ts';
import type { MixedImageName } from './need-references.ts';
import { type Dockerfile, type Instruction, isCustomFrontend } from './parse.ts';
import { type ReachableInputs, reachableInputs } from './reachable-inputs.ts';
import {
  type ContextUse,
  findReachableStages,
  type ReachableStage,
  type UnknownImage,
  type UsedNeed,
} from './reachable-stages.ts';
import { type BuildParameters, findTarget, parseStages } from './stages.ts';
import { findUnusedContexts } from './unused-contexts.ts';

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
