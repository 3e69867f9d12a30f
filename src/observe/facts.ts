import type { Seen } from '../dockerfile/analyse.ts';
import type { Finding } from '../dockerfile/purity.ts';
import type { ExternalImage } from '../dockerfile/reached.ts';
import type { Given } from '../dockerfile/stages.ts';
import type { ImageTask } from '../model/task.ts';
import type { Memo } from './memo.ts';

/** What matters of a Dockerfile, for one target and one set of build args. */
export interface DockerfileFacts {
  readonly declaredArgs: readonly string[];
  /** Images from outside, needed ones left out. */
  readonly images: readonly ExternalImage[];
  /** Downloads that can change without anything of ours changing, in words. */
  readonly impure: readonly string[];
  /** What the target sees; undefined where that is not understood exactly, and everything counts. */
  readonly seen?: Seen;
  /** Why it is not, in words. */
  readonly vague: readonly string[];
  /** The first form that needs docker 23 or newer, in words, and where it stands. */
  readonly newForm?: { readonly what: string; readonly line: number };
  /** True: what is built on the image runs instructions of this file. */
  readonly hasTriggers: boolean;
  /** What instructions fetch without saying which version. */
  readonly loose: readonly Finding[];
  readonly faults: readonly { readonly line: number; readonly message: string }[];
}

/** Stands for a needed image, whose tag is not known yet. */
const needPrefix = 'need.invalid/';

/** The facts of a task's Dockerfile; remembered, since they are the same as long as its text is. */
export async function dockerfileFacts(
  task: ImageTask,
  text: string,
  { memo, programId }: { readonly memo: Memo; readonly programId: string },
): Promise<DockerfileFacts> {
  const needs = task.needs
    .filter((need) => need.kind === 'image')
    .map((need) => [need.name, needPrefix + need.name]);
  const args: Record<string, string> = { ...task.args, ...Object.fromEntries(needs) };
  const given = { args, platform: task.platform };
  const inputs = JSON.stringify(['facts', programId, text, task.target ?? null, given]);
  return await memo.derived(inputs, () => readFacts(text, task.target, given));
}

async function readFacts(text: string, target: string | undefined, given: Given): Promise<DockerfileFacts> {
  // Loaded only for a Dockerfile that was never seen.
  const [{ DockerfileError }, { parseDockerfile }, { analyse }, { findLoose }] = await Promise.all([
    import('../dockerfile/error.ts'),
    import('../dockerfile/parse.ts'),
    import('../dockerfile/analyse.ts'),
    import('../dockerfile/purity.ts'),
  ]);
  try {
    const { externalImages, looseDownloads, ...facts } = analyse(
      parseDockerfile(text, given.args.BUILDKIT_SYNTAX),
      target,
      given,
    );
    const images = externalImages.filter(({ reference }) => !reference.startsWith(needPrefix));
    const downloads = looseDownloads.map(({ source, line }) => `line ${line}: ${source} has no checksum`);
    const loose = findLoose(facts.seen?.steps ?? []);
    return { ...facts, images, loose, impure: [...new Set(downloads)], faults: [] };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const fault = { line: error.line, message: error.message };
    const nothing = { declaredArgs: [], images: [], impure: [], loose: [], vague: [] };
    return { ...nothing, hasTriggers: true, faults: [fault] };
  }
}
