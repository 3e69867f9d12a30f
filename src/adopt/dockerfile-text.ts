import { DockerfileError } from '../dockerfile/error.ts';
import { instructionWords, parseDockerfile } from '../dockerfile/parse.ts';

/** What a Dockerfile copies, as far as its text says. */
export interface ParsedCopies {
  /** Paths in the context, without variables and patterns. */
  readonly sources: readonly string[];
}

/** Reads what a Dockerfile copies. Returns undefined for text that is no Dockerfile. */
export function readCopies(text: string): ParsedCopies | undefined {
  try {
    const { instructions } = parseDockerfile(text);
    const sources: string[] = [];
    for (const instruction of instructions) {
      const { keyword, flags } = instruction;
      const from = flags.find(({ name }) => name === 'from')?.value;
      if (from === undefined && (keyword === 'COPY' || keyword === 'ADD'))
        sources.push(
          ...instructionWords(instruction)
            .slice(0, -1)
            .filter((word) => !/[$*?[]|:\/\/|^git@/.test(word)),
        );
    }
    return { sources };
  } catch (error) {
    if (error instanceof DockerfileError) return undefined;
    throw error;
  }
}
