import type { ImageTask } from '../model/task.ts';
import type { Memo } from './memo.ts';

/** What matters of a Dockerfile besides its bytes. */
export interface DockerfileFacts {
  readonly declaredArgs: readonly string[];
  /** What can change without anything of ours changing, in words. */
  readonly impure: readonly string[];
  readonly faults: readonly { readonly line: number; readonly message: string }[];
}

/** Stands for a needed image, whose tag is not known yet. */
const needPrefix = 'need.invalid/';

/** The facts of a task's Dockerfile; remembered, since the parser takes longer to load than all else of a no-op. */
export async function dockerfileFacts(
  task: ImageTask,
  text: string,
  { memo, programId }: { readonly memo: Memo; readonly programId: string },
): Promise<DockerfileFacts> {
  const needs = task.needs
    .filter((need) => need.kind === 'image')
    .map((need) => [need.name, needPrefix + need.name]);
  const args: Record<string, string> = { ...task.args, ...Object.fromEntries(needs) };
  const inputs = JSON.stringify(['facts', programId, text, task.target ?? null, args]);
  return await memo.derived(inputs, () => readFacts(text, task.target, args));
}

async function readFacts(
  text: string,
  target: string | undefined,
  args: Record<string, string>,
): Promise<DockerfileFacts> {
  const { DockerfileError, parseDockerfile } = await import('../dockerfile/parse.ts');
  const { analyse } = await import('../dockerfile/analyse.ts');
  try {
    const { declaredArgs, externalImages, looseDownloads } = analyse(parseDockerfile(text), target, args);
    const images = externalImages
      .filter((image) => !image.isPinned && !image.reference.startsWith(needPrefix))
      .map((image) => `line ${image.line}: ${image.reference} is not pinned by digest`);
    const downloads = looseDownloads.map(({ source, line }) => `line ${line}: ${source} has no checksum`);
    return { declaredArgs, impure: [...new Set([...images, ...downloads])], faults: [] };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    return { declaredArgs: [], impure: [], faults: [{ line: error.line, message: error.message }] };
  }
}
