import { expand } from './expand.ts';
import { type Dockerfile, DockerfileError, type Instruction } from './parse.ts';

/** An image from outside that a build uses. */
export interface ExternalImage {
  readonly reference: string;
  readonly line: number;
  /** True where the name holds the image's digest. */
  readonly isPinned: boolean;
}

export interface Analysis {
  /** All names that an ARG declares, anywhere in the file. */
  readonly declaredArgs: readonly string[];
  /** Images that the target's stages stand on or copy from; of another language's files only the syntax image. */
  readonly externalImages: readonly ExternalImage[];
  /** Downloads of the target's stages that have neither checksum nor commit. */
  readonly looseDownloads: readonly { readonly source: string; readonly line: number }[];
}

interface Stage {
  readonly name: string | undefined;
  readonly base: string;
  readonly line: number;
  readonly instructions: readonly Instruction[];
}

/**
 * What a build of a target takes from outside, with the given build args.
 * @throws DockerfileError for a target that does not exist
 */
export function analyse(
  dockerfile: Dockerfile,
  target: string | undefined,
  args: Readonly<Record<string, string>>,
): Analysis {
  const declaredArgs = [
    ...new Set(
      dockerfile.instructions.filter((it) => it.keyword === 'ARG').flatMap((it) => it.words.map(argName)),
    ),
  ];
  const syntax = dockerfile.syntax === undefined ? [] : [external(dockerfile.syntax, 1)];
  if (dockerfile.isForeign) return { declaredArgs, externalImages: syntax, looseDownloads: [] };
  const stages = readStages(dockerfile, args);
  const visible = visibleStages(stages, findTarget(stages, target));
  return {
    declaredArgs,
    externalImages: [...syntax, ...visible.flatMap((index) => imagesOf(stages, index))],
    looseDownloads: visible.flatMap((index) => stages[index]!.instructions.flatMap(downloadsOf)),
  };
}

function argName(word: string): string {
  return word.split('=', 1)[0]!;
}

function readStages(dockerfile: Dockerfile, args: Readonly<Record<string, string>>): Stage[] {
  const variables = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of dockerfile.instructions) {
    const stage = stages.at(-1);
    if (instruction.keyword === 'FROM') {
      const [image, as, name] = instruction.words;
      const base = expand(image!, variables) ?? image!;
      stages.push({
        name: as?.toLowerCase() === 'as' ? name?.toLowerCase() : undefined,
        base,
        line: instruction.line,
        instructions: [],
      });
    } else if (stage !== undefined) stage.instructions.push(instruction);
    else for (const word of instruction.words) declareGlobal(word, variables, args);
  }
  return stages;
}

function declareGlobal(
  word: string,
  variables: Map<string, string>,
  args: Readonly<Record<string, string>>,
): void {
  const name = argName(word);
  const written = word.includes('=') ? expand(word.slice(name.length + 1), variables) : undefined;
  const value = args[name] ?? written;
  if (value !== undefined) variables.set(name, value);
}

function findTarget(stages: readonly Stage[], target: string | undefined): number {
  if (target === undefined) return stages.length - 1;
  const found = findStage(stages, stages.length, target);
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  throw new DockerfileError(
    stages.at(-1)!.line,
    `there is no stage "${target}"; there are ${names.length > 0 ? names.join(', ') : 'no named stages'}`,
  );
}

/** A stage before `limit` by name or number; the last of a name wins, as BuildKit has it. */
function findStage(stages: readonly Stage[], limit: number, name: string): number | undefined {
  const index = stages.slice(0, limit).findLastIndex((stage) => stage.name === name.toLowerCase());
  if (index >= 0) return index;
  return /^\d+$/.test(name) && Number(name) < limit ? Number(name) : undefined;
}

/** The names of images or stages that a stage stands on or copies from, each with its line. */
function originsOf(stage: Stage): { name: string; line: number }[] {
  const copied = stage.instructions.flatMap((instruction) => {
    const from = instruction.flags.filter((flag) => flag.name === 'from').map((flag) => flag.value);
    const mounted = instruction.flags
      .filter((flag) => flag.name === 'mount')
      .flatMap((flag) => /(?:^|,)from=([^,]+)/.exec(flag.value)?.[1] ?? []);
    return [...from, ...mounted].map((name) => ({ name, line: instruction.line }));
  });
  return [{ name: stage.base, line: stage.line }, ...copied];
}

function visibleStages(stages: readonly Stage[], target: number): number[] {
  const seen = new Set([target]);
  for (const index of seen) {
    for (const { name } of originsOf(stages[index]!)) {
      const found = findStage(stages, index, name);
      if (found !== undefined) seen.add(found);
    }
  }
  return [...seen].sort((a, b) => a - b);
}

function imagesOf(stages: readonly Stage[], index: number): ExternalImage[] {
  return originsOf(stages[index]!)
    .filter(({ name }) => name !== 'scratch' && findStage(stages, index, name) === undefined)
    .map(({ name, line }) => external(name, line));
}

function external(reference: string, line: number): ExternalImage {
  return { reference, line, isPinned: /@sha256:[0-9a-f]{64}$/.test(reference) };
}

function downloadsOf(instruction: Instruction): { source: string; line: number }[] {
  if (instruction.keyword !== 'ADD' || instruction.flags.some((flag) => flag.name === 'checksum')) return [];
  return instruction.words
    .slice(0, -1)
    .filter((source) => /^(https?|git|ssh):\/\/|^git@/.test(source) && !/#[0-9a-f]{40}(:|$)/.test(source))
    .map((source) => ({ source, line: instruction.line }));
}
