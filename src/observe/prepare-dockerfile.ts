import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import { FileProblem, readVerifiedBytes } from '../disk/verified-file.ts';
import type { ObservedBase, ObservedDockerfile } from '../model/observed.ts';
import { type BuildDockerfile, StepFailed } from '../model/ports.ts';
import { withoutTag } from '../model/reference.ts';

/** A place where a Dockerfile names the image of a need, and the names that a build may use for it. */
export interface NeedPlace {
  readonly line: number;
  readonly written: string;
  /** The name that build args have: a content tag, which may move to another image. */
  readonly name: string;
  /** A tag that stays on the image. */
  readonly exactTag: string;
}

/** A Dockerfile as it is built. */
export interface PreparedDockerfile {
  readonly dockerfile: BuildDockerfile;
  /** True: its frontend gets the images of needs as named contexts. False: the Dockerfile names them by their exact tags. */
  readonly usesNamedContexts: boolean;
}

/**
 * Reads a Dockerfile and replaces its image references: pinned images by name and digest, images of needs by names that
 * the builder can map to images, or else by exact tags. `namedContexts`: whether the builder's own frontend reads them.
 * @throws StepFailed if the file has changed since it was hashed, or if a reference cannot be replaced
 */
export async function prepareDockerfile(
  { source, text: ownText, digest }: ObservedDockerfile,
  bases: readonly ObservedBase[],
  needs: readonly NeedPlace[],
  namedContexts: boolean,
): Promise<PreparedDockerfile> {
  const [
    { DockerfileError },
    { replaceReferences },
    { frontendKindOf, readsNamedContexts },
    { findStepLines },
  ] = await Promise.all([
    import('../dockerfile/error.ts'),
    import('../dockerfile/replace-references.ts'),
    import('../dockerfile/frontend.ts'),
    import('../dockerfile/step-lines.ts'),
  ]);
  try {
    const bytes = ownText === undefined ? readVerifiedBytes(source, digest) : Buffer.from(ownText);
    const text = bytes.toString('utf8');
    const usesNamedContexts = readsNamedContexts(text, namedContexts);
    const replacements = [
      ...needs.map(({ line, written, name, exactTag }) => ({
        line,
        reference: written,
        by: usesNamedContexts ? name : exactTag,
      })),
      ...bases.flatMap(({ reference, line, digest: pin }) =>
        pin === undefined ? [] : [{ reference, line, by: `${withoutTag(reference)}@${pin}` }],
      ),
    ];
    if (replacements.length > 0 && !isUtf8(bytes))
      throw new StepFailed(`${source} is not UTF-8 text, so its images cannot be pinned`);
    const built = replacements.length === 0 ? bytes : Buffer.from(replaceReferences(text, replacements));
    const dockerfile = {
      name: ownText === undefined ? path.basename(source) : 'Dockerfile',
      text: built,
      selectsFrontend: frontendKindOf(text) !== 'engine',
      linesOf: findStepLines(text),
    };
    return { dockerfile, usesNamedContexts };
  } catch (error) {
    if (error instanceof DockerfileError) {
      const { line, message } = error;
      throw new StepFailed(`line ${line}: ${message}`, { cause: 'syntax', lines: { line, endLine: line } });
    }
    if (error instanceof FileProblem) throw new StepFailed(error.message);
    throw error;
  }
}
