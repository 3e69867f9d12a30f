import { DockerfileParser, type Instruction as Parsed } from 'dockerfile-ast';

/** A Dockerfile that no builder takes, and the line that shows it (from 1). */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly flags: readonly { readonly name: string; readonly value: string }[];
  /** What stands behind the flags: the words, or the members of a JSON array; of a heredoc only what stands before its body. */
  readonly words: readonly string[];
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  /** The image of the `# syntax=` line. Anything but docker's own means that we do not know the language. */
  readonly syntax?: string;
  /** True where the `syntax` line names another language. */
  readonly isForeign: boolean;
}

const keywords = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);

/**
 * Splits a Dockerfile into instructions.
 * @throws DockerfileError where there is no stage, or an instruction that does not exist or stands before the first FROM
 */
export function parseDockerfile(text: string): Dockerfile {
  const parsed = DockerfileParser.parse(text);
  const syntax = parsed
    .getDirectives()
    .find((directive) => directive.getDirective() === 'syntax')
    ?.getValue();
  const isForeign = syntax !== undefined && !/(^|\/)docker\/dockerfile(-upstream)?(:|@|$)/.test(syntax);
  const instructions = parsed.getInstructions().map(readInstruction);
  if (!isForeign) check(instructions);
  return { instructions, isForeign, ...(syntax !== undefined ? { syntax } : {}) };
}

function readInstruction(parsed: Parsed): Instruction {
  const flags =
    'getFlags' in parsed
      ? (parsed.getFlags as () => { getName(): string; getValue(): string | null }[])()
      : [];
  return {
    keyword: parsed.getKeyword().toUpperCase(),
    line: parsed.getRange().start.line + 1,
    flags: flags.map((flag) => ({ name: flag.getName(), value: flag.getValue() ?? '' })),
    words: readWords(parsed),
  };
}

/** The library takes spaces out of JSON strings and counts a heredoc's body as arguments; both are mended here. */
function readWords(parsed: Parsed): string[] {
  const text = parsed.getArgumentsContent() ?? '';
  if (/^\s*\[/.test(text)) {
    try {
      const values: unknown = JSON.parse(text);
      if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
    } catch {
      // Not JSON after all: docker then takes it as plain words, too.
    }
  }
  const first = text.split('\n', 1)[0]!;
  const hasHeredoc = /<<-?\s*["']?\w/.test(first);
  if (hasHeredoc) return first.split(/\s+/).filter(Boolean);
  return parsed.getArguments().map((argument) => argument.getValue());
}

function check(instructions: readonly Instruction[]): void {
  const unknown = instructions.find((instruction) => !keywords.has(instruction.keyword));
  if (unknown !== undefined)
    throw new DockerfileError(unknown.line, `unknown instruction ${unknown.keyword}`);
  const first = instructions.find((instruction) => instruction.keyword !== 'ARG');
  if (first === undefined)
    throw new DockerfileError(1, 'there is no FROM: a Dockerfile needs at least one stage');
  if (first.keyword !== 'FROM')
    throw new DockerfileError(first.line, `${first.keyword} stands before the first FROM`);
  const empty = instructions.find(
    (instruction) => instruction.words.length === 0 && instruction.keyword !== 'RUN',
  );
  if (empty !== undefined) throw new DockerfileError(empty.line, `${empty.keyword} has no arguments`);
}
