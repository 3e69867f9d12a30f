import { DockerfileError } from '../dockerfile/error.ts';
import { instructionWords, parseDockerfile } from '../dockerfile/parse.ts';

/** What a Dockerfile copies and builds on, as far as its text says. */
export interface ParsedCopies {
  /** Paths in the context, without variables and patterns. */
  readonly sources: readonly string[];
  /** Image names after FROM and `--from=`, without variables. */
  readonly names: readonly string[];
  readonly stages: readonly string[];
}

/** Reads what a Dockerfile copies. Returns undefined for text that is no Dockerfile. */
export function readCopies(text: string): ParsedCopies | undefined {
  try {
    const { instructions } = parseDockerfile(text);
    const [sources, names, stages]: [string[], string[], string[]] = [[], [], []];
    for (const instruction of instructions) {
      const { keyword, flags, rest } = instruction;
      const from = flags.find(({ name }) => name === 'from')?.value;
      if (keyword === 'FROM') {
        const [name, , stage] = rest.split(/\s+/);
        if (name !== undefined) names.push(name);
        if (stage !== undefined) stages.push(stage.toLowerCase());
      } else if (from !== undefined) names.push(from);
      else if (keyword === 'COPY' || keyword === 'ADD')
        sources.push(
          ...instructionWords(instruction)
            .slice(0, -1)
            .filter((word) => !/[$*?[]|:\/\/|^git@/.test(word)),
        );
    }
    return { sources, names, stages };
  } catch (error) {
    if (error instanceof DockerfileError) return undefined;
    throw error;
  }
}

/** Returns the images that are no stages, as written. */
export function externalReferences({ names, stages }: ParsedCopies): string[] {
  return names.filter((name) => !name.includes('$') && !stages.includes(name.toLowerCase()));
}
