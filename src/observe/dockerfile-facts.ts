import type { ReachableInputs } from '../dockerfile/analyze.ts';
import type { MixedImageName, NeededImage } from '../dockerfile/need-references.ts';
import { placeholderFor } from '../dockerfile/placeholder.ts';
import type { ExternalImage } from '../dockerfile/reachable-stages.ts';
import type { BuildParameters } from '../dockerfile/stages.ts';
import type { UnpinnedFetch } from '../dockerfile/unpinned-fetches.ts';
import type { Memo } from '../incremental/memo.ts';
import type { ImageTask } from '../model/task.ts';

/** What matters of a Dockerfile, for one target and one set of build args. */
export interface DockerfileFacts {
  readonly declaredArgs: readonly string[];
  /** Images that are named as they are, without a need's build arg. */
  readonly images: readonly ExternalImage[];
  /** Where the images of needs are named by the needs' build args. */
  readonly needed: readonly NeededImage[];
  /** Images that its ONBUILD instructions take from, unpinned: they are taken where it is built on. */
  readonly triggerImages: readonly string[];
  /** Downloads that can change without anything of ours changing, in words. */
  readonly impure: readonly string[];
  /** What the target sees; undefined where that is not understood exactly, and everything counts. */
  readonly seen?: ReachableInputs;
  /** Why it is not, in words. */
  readonly vague: readonly string[];
  /** The first form that needs docker 23 or newer, in words, and where it stands. */
  readonly newForm?: { readonly what: string; readonly line: number };
  /** True: what is built on the image runs instructions of this file. */
  readonly hasTriggers: boolean;
  /** What instructions fetch without saying which version. */
  readonly loose: readonly UnpinnedFetch[];
  readonly faults: readonly DockerfileProblem[];
}

/** Something in a Dockerfile that no build may begin with. */
export interface DockerfileProblem {
  readonly line: number;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
}

interface FactsReader {
  readonly memo: Memo;
  readonly programId: string;
  readonly builderArgs: Readonly<Record<string, string>>;
}

/** The facts of a task's Dockerfile; remembered, since they are the same as long as its text is. */
export async function readDockerfileFacts(
  task: ImageTask,
  text: string,
  { memo, programId, builderArgs }: FactsReader,
): Promise<DockerfileFacts> {
  const needs = task.needs
    .filter((need) => need.kind === 'image' && !need.isReference)
    .map((need) => [need.name, placeholderFor(need.name)]);
  const args: Record<string, string> = { ...builderArgs, ...task.args, ...Object.fromEntries(needs) };
  const given = { args, platform: task.platform };
  const inputs = JSON.stringify(['facts', programId, text, task.target ?? null, given]);
  return await memo.memoize(inputs, () => readFacts(text, task.target, given));
}

async function readFacts(
  text: string,
  target: string | undefined,
  given: BuildParameters,
): Promise<DockerfileFacts> {
  // Loaded only for a Dockerfile that was never seen.
  const [{ DockerfileError }, { parseDockerfile }, { analyze }, { findUnpinnedFetches }] = await Promise.all([
    import('../dockerfile/error.ts'),
    import('../dockerfile/parse.ts'),
    import('../dockerfile/analyze.ts'),
    import('../dockerfile/unpinned-fetches.ts'),
  ]);
  try {
    const analysis = analyze(parseDockerfile(text), target, given);
    const { declaredArgs, externalImages, neededImages, triggerImages, seen, vague, hasTriggers, newForm } =
      analysis;
    const downloads = analysis.unverifiedDownloads.map(
      ({ source, line }) => `line ${line}: ${source} has no checksum`,
    );
    const unknown = analysis.unknownImages.map(
      ({ what, line }) => `line ${line}: ${what} is not pinned by digest`,
    );
    return {
      declaredArgs,
      images: externalImages,
      needed: neededImages,
      triggerImages,
      impure: [...new Set([...unknown, ...downloads])],
      ...(seen !== undefined ? { seen } : {}),
      vague,
      ...(newForm !== undefined ? { newForm } : {}),
      hasTriggers,
      loose: findUnpinnedFetches(seen?.steps ?? []),
      faults: analysis.mixedNames.map(asFault),
    };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const fault = { line: error.line, message: error.message };
    const nothing = { declaredArgs: [], images: [], needed: [], impure: [], loose: [], vague: [] };
    return { ...nothing, triggerImages: [], hasTriggers: true, faults: [fault] };
  }
}

function asFault({ line, found, args: [arg] }: MixedImageName): DockerfileProblem {
  return {
    line,
    message: `${arg} holds the name of a needed image and is only part of this name, so the image that it means is not known`,
    found,
    expected: `$${arg} alone, or a build arg that no need fills`,
  };
}
