import { analyze } from '../dockerfile/analyze.ts';
import { DockerfileError } from '../dockerfile/error.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { contextName } from '../model/reference.ts';
import type { ForeignTarget } from './target.ts';

/** An image that a Dockerfile names, as it resolves the name, with the ARG that holds the whole name. */
export interface UsedImage {
  readonly reference: string;
  readonly arg?: string;
}

/** What the Dockerfile of a target uses. */
export interface UsedParts {
  readonly args: ReadonlySet<string>;
  readonly unusedContexts: ReadonlySet<string>;
  readonly images: readonly UsedImage[];
  readonly stages: readonly string[];
}

/** Returns what a Dockerfile uses, or its place and what is wrong with it. */
export function usedParts(
  target: Pick<ForeignTarget, 'dockerfile' | 'target' | 'args' | 'platforms' | 'contexts'>,
  text: string,
): UsedParts | string {
  const contexts = Object.keys(target.contexts).map(contextName);
  const parameters = { args: target.args, platform: target.platforms[0] ?? 'linux/amd64', contexts };
  try {
    const file = parseDockerfile(text);
    const { declaredArgs, externalImages, contextUses, unusedContexts } = analyze(
      file,
      target.target,
      parameters,
    );
    const lines = text.split('\n');
    const images = externalImages
      .filter(({ place, isPinned }) => place !== 'syntax' && !isPinned)
      .map(({ reference, line, place }): UsedImage => {
        const arg =
          place === 'FROM'
            ? /^\s*FROM\s+(?:--\S+\s+)*\$(?:(\w+)|\{(\w+)\})(?=\s|$)/i.exec(lines[line - 1] ?? '')
            : null;
        const name = arg?.[1] ?? arg?.[2];
        return { reference, ...(name === undefined ? {} : { arg: name }) };
      });
    const named = contextUses.map(({ name }): UsedImage => ({ reference: name }));
    return {
      args: new Set(declaredArgs),
      unusedContexts: new Set(unusedContexts),
      images: [...images, ...named],
      stages: [...text.matchAll(/^\s*FROM\s.*\sAS\s+(\S+)\s*$/gim)].map(([, name]) => name!.toLowerCase()),
    };
  } catch (error) {
    if (error instanceof DockerfileError) return `${target.dockerfile}:${error.line}: ${error.message}`;
    throw error;
  }
}
