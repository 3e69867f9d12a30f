import { canonical, flagText } from './canonical.ts';
import { asPairs } from './pairs.ts';
import type { Dockerfile, Instruction } from './parse.ts';
import { type ContextPath, type Taken, takenBy } from './reads.ts';
import { emptyScope, lookupIn, type Scope, scopeAfter } from './scope.ts';
import { findStage, findTarget, type Given, indexOf, readStages, type Stage, type Stages } from './stages.ts';

/** An image from outside that a build uses. */
export interface ExternalImage {
  readonly reference: string;
  readonly line: number;
  /** True where the name holds the image's digest. */
  readonly isPinned: boolean;
  /** `any`: only the build knows for which platform it is taken; `target`: for the one that is built. */
  readonly platform: 'target' | 'any';
  /** True: a stage stands on it, and runs what its ONBUILD holds. */
  readonly isBase: boolean;
}

/** One instruction that the target can see, in the form in which two that mean the same are equal. */
export interface SeenStep {
  /** `1 3`: the stage's number among those seen, and the instruction's in it; `args` for those before the first FROM. */
  readonly name: string;
  readonly line: number;
  readonly text: string;
}

export interface Analysis {
  /** All names that an ARG declares, anywhere in the file. */
  readonly declaredArgs: readonly string[];
  /** Images that the target's stages stand on or copy from; of another language's files only the syntax image. */
  readonly externalImages: readonly ExternalImage[];
  /** Downloads of the target's stages that have neither checksum nor commit. */
  readonly looseDownloads: readonly { readonly source: string; readonly line: number }[];
  /** True: an image built on this one runs instructions that stand here (ONBUILD). */
  readonly hasTriggers: boolean;
  /** What the target sees; undefined where that is not understood exactly: then everything counts. */
  readonly seen?: Seen;
  /** Why it is not: in words, each with its line. */
  readonly vague: readonly string[];
}

/** All of a Dockerfile and its context that can change the target's image. */
export interface Seen {
  readonly steps: readonly SeenStep[];
  /** Build args that the target's stages declare or stand on. */
  readonly args: readonly string[];
  readonly paths: readonly ContextPath[];
}

/**
 * What a build of a target sees and takes from outside.
 * @throws DockerfileError for a target that does not exist, and words that BuildKit refuses
 */
export function analyse(file: Dockerfile, target: string | undefined, given: Given): Analysis {
  const syntax =
    file.syntax === undefined ? [] : [external(file.syntax, 1, { platform: 'any', isBase: false })];
  const declaredArgs = [...new Set(file.instructions.flatMap((each) => argsOf(each, file.escapeToken)))];
  const none = { declaredArgs, externalImages: syntax, looseDownloads: [], hasTriggers: true };
  if (file.isForeign) return { ...none, vague: [`line 1: the language ${file.syntax} is not known`] };
  const stages = readStages(file, given);
  const walked = walkStages(file, stages, findTarget(stages.all, target), given);
  const vague = [...new Set(walked.flatMap(({ vague: reasons }) => reasons))];
  return {
    declaredArgs,
    externalImages: [...syntax, ...walked.flatMap(({ images }) => images)],
    looseDownloads: walked.flatMap(({ loose }) => loose),
    hasTriggers: walked.at(-1)!.hasTriggers,
    vague,
    ...(vague.length === 0 ? { seen: whatIsSeen(file, stages, walked) } : {}),
  };
}

/** A stage that the target sees, read to its end. */
interface Walked {
  readonly stage: Stage;
  readonly index: number;
  /** Triggers of the stage it stands on, then its own. */
  readonly instructions: readonly Instruction[];
  readonly scope: Scope;
  readonly origins: readonly number[];
  readonly images: readonly ExternalImage[];
  readonly loose: readonly { readonly source: string; readonly line: number }[];
  readonly paths: readonly ContextPath[];
  readonly vague: readonly string[];
  readonly hasTriggers: boolean;
  readonly platform: 'target' | 'any';
}

/** The stages that the target sees, in the order of the file, the target last. */
function walkStages(file: Dockerfile, stages: Stages, target: number, given: Given): Walked[] {
  const walked = new Map<number, Walked>();
  const visit = (index: number): Walked => {
    const known = walked.get(index);
    if (known !== undefined) return known;
    const { base } = stages.all[index]!;
    const below = typeof base === 'number' ? visit(base) : undefined;
    const own = walkStage(file, stages, index, below, given);
    // Only earlier stages are looked up, so this ends.
    for (const origin of own.origins) visit(origin);
    walked.set(index, own);
    return own;
  };
  visit(target);
  return [...walked.values()].sort((a, b) => a.index - b.index);
}

function walkStage(
  file: Dockerfile,
  { all, globals }: Stages,
  index: number,
  below: Walked | undefined,
  given: Given,
): Walked {
  const stage = all[index]!;
  const triggers = below?.stage.instructions.flatMap(({ trigger }) => trigger ?? []) ?? [];
  const instructions = [...triggers, ...stage.instructions];
  const isScratch = stage.base === 'scratch';
  let scope = below?.scope ?? emptyScope(isScratch);
  const vague = stage.base === undefined ? [`line ${stage.from.line}: the base hangs on the machine`] : [];
  // A stage that names a platform, or stands on one that does: its variables are the machine's.
  const platform = stage.from.flags.length > 0 ? 'any' : (below?.platform ?? 'target');
  const images: ExternalImage[] =
    typeof stage.base === 'string' && !isScratch
      ? [external(stage.base, stage.from.line, { platform, isBase: true })]
      : [];
  const origins: number[] = [];
  const taken: { line: number; taken: Taken }[] = [];
  for (const instruction of [stage.from, ...instructions]) {
    const what = takenBy(instruction, lookupIn(scope), file.escapeToken);
    taken.push({ line: instruction.line, taken: what });
    if (what.vague !== undefined) vague.push(`line ${instruction.line}: ${what.vague}`);
    for (const name of what.origins) {
      const origin = originOf(all, name, { before: index, byNumber: instruction.keyword === 'COPY' });
      if (origin !== undefined) origins.push(origin);
      else if (name !== 'scratch') images.push(external(name, instruction.line, { platform, isBase: false }));
    }
    scope = scopeAfter(scope, instruction, { ...given, globals, escapeToken: file.escapeToken });
  }
  return {
    stage,
    index,
    instructions,
    scope,
    origins,
    images,
    loose: taken.flatMap(({ line, taken: { loose } }) => loose.map((source) => ({ source, line }))),
    paths: taken.flatMap(({ taken: { paths } }) => paths),
    vague,
    hasTriggers: stage.instructions.some(({ trigger }) => trigger !== undefined),
    platform,
  };
}

/** The earlier stage that `--from` or a mount's `from` names, the first by number too; undefined for an image. */
function originOf(
  all: readonly Stage[],
  name: string,
  { before, byNumber }: { before: number; byNumber: boolean },
): number | undefined {
  const origin = (byNumber ? indexOf(all, name) : undefined) ?? findStage(all, name);
  return origin !== undefined && origin < before ? origin : undefined;
}

/** They say how a container is started, and change no file: in a stage that is only copied from they mean nothing. */
const configOnly = new Set([
  'CMD',
  'ENTRYPOINT',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'STOPSIGNAL',
  'VOLUME',
]);

/** A stage and all that it stands on, whose configuration it inherits. */
function chainOf(all: readonly Stage[], index: number): ReadonlySet<number> {
  const chain = new Set([index]);
  for (let base = all[index]!.base; typeof base === 'number'; base = all[base]!.base) chain.add(base);
  return chain;
}

function whatIsSeen(file: Dockerfile, stages: Stages, walked: readonly Walked[]): Seen {
  const declared = walked.flatMap(({ instructions }) =>
    instructions.flatMap((each) => argsOf(each, file.escapeToken)),
  );
  const used = namesIn(walked.map(({ stage }) => `${stage.from.rest} ${flagText(stage.from)}`).join('\n'));
  const relevant = withDefaults(stages.global, new Set([...declared, ...used]), file.escapeToken);
  const globals = stages.global.filter((each) =>
    argsOf(each, file.escapeToken).some((name) => relevant.has(name)),
  );
  const places = new Map(walked.map(({ index }, place) => [index, place]));
  const chain = chainOf(stages.all, walked.at(-1)!.index);
  const stageSteps = walked.flatMap(({ stage, instructions, index }, place) => {
    // A stage by another name is the same stage: what takes from it says which one it is.
    const placeOf = (origin: string, byNumber: boolean): string | undefined => {
      const found = originOf(stages.all, origin, { before: index, byNumber });
      return found === undefined ? undefined : `stage ${places.get(found)}`;
    };
    const base =
      typeof stage.base === 'number' ? `stage ${places.get(stage.base)}` : stage.from.rest.split(/\s/, 1)[0]!;
    const counting = chain.has(index)
      ? instructions
      : instructions.filter(({ keyword }) => !configOnly.has(keyword));
    return [{ ...stage.from, rest: base }, ...counting].map((each, at) => ({
      name: `${place} ${at}`,
      line: each.line,
      text: canonical(each, placeOf),
    }));
  });
  const args = new Set([...declared, ...relevant]);
  return {
    steps: [
      ...(file.syntax === undefined ? [] : [{ name: 'syntax', line: 1, text: file.syntax }]),
      ...(file.escapeToken === '\\' ? [] : [{ name: 'escape', line: 1, text: file.escapeToken }]),
      ...globals.map((each, at) => ({
        name: `args ${at + 1}`,
        line: each.line,
        text: canonical(each, () => undefined),
      })),
      ...stageSteps,
    ],
    args: [...args].sort(),
    paths: walked.flatMap(({ paths }) => paths),
  };
}

/** Adds to names those that the defaults of their global ARGs are made of. */
function withDefaults(
  global: readonly Instruction[],
  names: ReadonlySet<string>,
  escapeToken: string,
): Set<string> {
  const all = new Set(names);
  for (const each of [...global].reverse())
    for (const { name, value } of asPairs(each, escapeToken))
      if (all.has(name)) for (const other of namesIn(value ?? '')) all.add(other);
  return all;
}

/** Every name that stands behind a `$`. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/\$\{?(\w+)/g)].map((match) => match[1]!);
}

function argsOf({ keyword, rest, trigger, ...more }: Instruction, escapeToken: string): string[] {
  if (trigger !== undefined) return argsOf(trigger, escapeToken);
  return keyword === 'ARG' ? asPairs({ keyword, rest, ...more }, escapeToken).map(({ name }) => name) : [];
}

function external(
  reference: string,
  line: number,
  use: Pick<ExternalImage, 'platform' | 'isBase'>,
): ExternalImage {
  return { reference, line, isPinned: /@sha256:[0-9a-f]{64}$/.test(reference), ...use };
}
