import type { DockerfileErrorDetails } from '../dockerfile/error.ts';
import type { ExternalImage, UsedPlatform } from '../dockerfile/external-image.ts';
import type { UsedFeature } from '../dockerfile/features.ts';
import type { FrontendKind } from '../dockerfile/frontend.ts';
import type { MixedImageName } from '../dockerfile/need-references.ts';
import { placeholderFor } from '../dockerfile/placeholder.ts';
import type { ReachableInputs } from '../dockerfile/reachable-inputs.ts';
import type { ContextUse, UsedNeed } from '../dockerfile/reachable-stages.ts';
import type { BuildParameters } from '../dockerfile/stages.ts';
import type { UnpinnedFetch } from '../dockerfile/unpinned-fetches.ts';
import type { Memo } from '../incremental/memo.ts';
import { machinePlatform } from '../model/machine.ts';
import type { UnpinnedInput } from '../model/observed.ts';
import type { ImageTask } from '../model/task.ts';
import { eachOnce } from './unpinned-inputs.ts';

/** The result of analyzing a Dockerfile for one target and one set of build args. */
export interface DockerfileFacts {
  readonly declaredArgs: readonly string[];
  /** Images whose names do not come from the build arg of a need. */
  readonly images: readonly ExternalImage[];
  /** Images whose names come from the build args of needs. */
  readonly needed: readonly UsedNeed[];
  /** The platforms for which the target's stages run programs. */
  readonly runPlatforms: readonly UsedPlatform[];
  /** True if the build may depend on the platform that it runs on. */
  readonly readsBuildPlatform: boolean;
  /** The places where the target reads named contexts. */
  readonly contextUses: readonly ContextUse[];
  /** The named contexts that nothing in the file names. */
  readonly unusedContexts: readonly string[];
  /** The frontend that reads the file. */
  readonly frontendKind: FrontendKind;
  /** Unpinned images that its ONBUILD instructions use, in the builds of dependents. */
  readonly triggerImages: readonly string[];
  /** Images and downloads that can change while all inputs stay the same, as messages. */
  readonly impure: readonly UnpinnedInput[];
  /** The inputs of the target; undefined if they are not known exactly. Then everything counts as an input. */
  readonly seen?: ReachableInputs;
  /** Why the inputs are not known exactly, as messages. */
  readonly vague: readonly string[];
  /** The features that not every frontend has. */
  readonly features: readonly UsedFeature[];
  /** The image of the frontend; undefined for the engine's own. */
  readonly frontend?: string;
  /** True: the image has ONBUILD instructions. */
  readonly hasTriggers: boolean;
  /** Fetches without a fixed version. */
  readonly loose: readonly UnpinnedFetch[];
  readonly faults: readonly DockerfileProblem[];
}

/** A problem in a Dockerfile that prevents its build. */
export interface DockerfileProblem {
  readonly line: number;
  readonly message: string;
  readonly details?: DockerfileErrorDetails;
  readonly found?: string;
  readonly expected?: string;
}

interface FactsSources {
  readonly memo: Memo;
  readonly programId: string;
  readonly builderArgs: Readonly<Record<string, string>>;
}

/** Analyzes the Dockerfile of a task, whose text is `text`. Memoized by everything that the result depends on. */
export async function readDockerfileFacts(
  task: ImageTask,
  text: string,
  { memo, programId, builderArgs }: FactsSources,
): Promise<DockerfileFacts> {
  const placeholders = task.needs
    .filter((need) => need.kind === 'image' && !need.isReference)
    .map((need) => [need.name, placeholderFor(need.name)]);
  const args: Record<string, string> = { ...builderArgs, ...task.args, ...Object.fromEntries(placeholders) };
  const contexts = Object.keys(task.contexts ?? {});
  const parameters = { args, platform: task.platform, buildPlatform: machinePlatform(), contexts };
  const inputs = JSON.stringify(['facts', programId, text, task.target ?? null, parameters]);
  return await memo.memoize(inputs, () => analyzeText(text, task.target, parameters));
}

async function analyzeText(
  text: string,
  target: string | undefined,
  parameters: BuildParameters,
): Promise<DockerfileFacts> {
  // Loaded on demand: most runs find all Dockerfiles in the memo.
  const [{ DockerfileError }, { parseDockerfile }, { analyze }, { findUnpinnedFetches }, { frontendKindOf }] =
    await Promise.all([
      import('../dockerfile/error.ts'),
      import('../dockerfile/parse.ts'),
      import('../dockerfile/analyze.ts'),
      import('../dockerfile/unpinned-fetches.ts'),
      import('../dockerfile/frontend.ts'),
    ]);
  // BuildKit prefers this arg to the syntax line.
  const { BUILDKIT_SYNTAX: syntax } = parameters.args;
  const frontendKind = frontendKindOf(syntax === undefined ? text : `# syntax=${syntax}\n`);
  try {
    const analysis = analyze(parseDockerfile(text), target, parameters);
    const { declaredArgs, externalImages, neededImages, triggerImages, seen, vague, hasTriggers } = analysis;
    const { contextUses, unusedContexts } = analysis;
    const downloads = analysis.unverifiedDownloads.map(
      ({ source, line }): UnpinnedInput => ({
        kind: 'download',
        source,
        detail: `line ${line}: ${source} has no checksum`,
      }),
    );
    const unknown = analysis.unknownImages.map(
      ({ what, line }): UnpinnedInput => ({
        kind: 'image',
        source: what,
        detail: `line ${line}: ${what} is not pinned by digest`,
      }),
    );
    return {
      declaredArgs,
      images: externalImages,
      needed: neededImages,
      runPlatforms: analysis.runPlatforms,
      readsBuildPlatform: analysis.readsBuildPlatform || (vague.length > 0 && /BUILD(?!KIT)/.test(text)),
      contextUses,
      unusedContexts,
      frontendKind,
      triggerImages,
      impure: eachOnce([...unknown, ...downloads]),
      ...(seen !== undefined ? { seen } : {}),
      vague,
      features: analysis.features,
      ...(analysis.frontend === undefined ? {} : { frontend: analysis.frontend }),
      hasTriggers,
      loose: findUnpinnedFetches(seen?.steps ?? []),
      faults: analysis.mixedNames.map(mixedNameProblem),
    };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const problem = { line: error.line, message: error.message, details: error.details };
    const noFacts = {
      declaredArgs: [],
      images: [],
      needed: [],
      runPlatforms: [],
      readsBuildPlatform: true,
      impure: [],
      loose: [],
      vague: [],
      features: [],
    };
    const noContexts = { contextUses: [], unusedContexts: [] };
    return {
      ...noFacts,
      ...noContexts,
      frontendKind,
      triggerImages: [],
      hasTriggers: true,
      faults: [problem],
    };
  }
}

function mixedNameProblem({ line, found, args: [arg] }: MixedImageName): DockerfileProblem {
  return {
    line,
    message: `${arg} is the image of a need, but it is only a part of this image name, so the image is unknown`,
    details: { word: found },
    found,
    expected: `only $${arg}, or a build arg that is not a need`,
  };
}
