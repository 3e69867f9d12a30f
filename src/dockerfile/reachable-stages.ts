import { type ContextPath, type InstructionInputs, instructionInputs } from './instruction-inputs.ts';
import {
  findNeedInFrom,
  findNeedInOrigin,
  type MixedImageName,
  type NeededImage,
  type NeedReference,
} from './need-references.ts';
import type { Dockerfile, Instruction } from './parse.ts';
import { applyInstruction, emptyScope, inheritScope, lookupIn, type Scope } from './scope.ts';
import {
  type BuildParameters,
  findStageByName,
  findStageByNumber,
  isGoInteger,
  type Stage,
  type Stages,
} from './stages.ts';

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
  readonly place: ImagePlace;
}

/** Images that a stage stands on or takes from, and nobody can tell before the build; in words. */
export interface UnknownImage {
  readonly what: string;
  readonly line: number;
}

/** Where an image's name stands. */
export type ImagePlace = 'FROM' | 'COPY --from' | 'RUN --mount' | 'syntax';

/** A stage that a target reaches, read to its end. */
export interface ReachableStage {
  readonly stage: Stage;
  readonly index: number;
  /** Triggers of the stage it stands on, then its own. */
  readonly instructions: readonly Instruction[];
  readonly scope: Scope;
  /** Names of the build args that it declares. */
  readonly declared: readonly string[];
  readonly origins: readonly number[];
  readonly images: readonly ExternalImage[];
  readonly needed: readonly NeededImage[];
  readonly partly: readonly MixedImageName[];
  readonly unknown: readonly UnknownImage[];
  readonly triggerImages: readonly string[];
  readonly loose: readonly { readonly source: string; readonly line: number }[];
  readonly paths: readonly ContextPath[];
  readonly vague: readonly string[];
  readonly hasTriggers: boolean;
  readonly platform: 'target' | 'any';
}

/** The stages that a target stands on or takes from, in the order of the file, the target last. */
export function findReachableStages(
  file: Dockerfile,
  stages: Stages,
  target: number,
  given: BuildParameters,
): ReachableStage[] {
  const reached = new Map<number, ReachableStage>();
  // Only earlier stages are looked up, so this ends; a list, since a chain may be longer than calls can be deep.
  const pending = [target];
  for (let index = pending.at(-1); index !== undefined; index = pending.at(-1)) {
    const { base } = stages.all[index]!;
    const isReady = typeof base !== 'number' || reached.has(base);
    if (!isReady) pending.push(base);
    else {
      pending.pop();
      if (reached.has(index)) continue;
      const own = readStage(
        file,
        stages,
        index,
        typeof base === 'number' ? reached.get(base) : undefined,
        given,
      );
      reached.set(index, own);
      pending.push(...own.origins);
    }
  }
  return [...reached.values()].sort((a, b) => a.index - b.index);
}

function readStage(
  file: Dockerfile,
  { all, global, globals }: Stages,
  index: number,
  below: ReachableStage | undefined,
  given: BuildParameters,
): ReachableStage {
  const stage = all[index]!;
  const triggers = below?.stage.instructions.flatMap(({ trigger }) => trigger ?? []) ?? [];
  const instructions = [...triggers, ...stage.instructions];
  const isScratch = stage.base === 'scratch';
  const scope = below === undefined ? emptyScope(isScratch) : inheritScope(below.scope);
  const vague = stage.base === undefined ? [`line ${stage.from.line}: the base hangs on the machine`] : [];
  // A stage that names a platform, or stands on one that does: its variables are the machine's.
  const platform = stage.from.flags.length > 0 ? 'any' : (below?.platform ?? 'target');
  const images: ExternalImage[] = [];
  const named: NeedReference[] = [];
  const unknown: UnknownImage[] = [];
  const { base, from } = stage;
  const byNeed = findNeedInFrom(stage, global, given, file.escapeToken);
  if (byNeed !== undefined) named.push(byNeed);
  else if (base === undefined) unknown.push({ what: from.rest.split(/\s/, 1)[0]!, line: from.line });
  else if (typeof base === 'string' && !isScratch)
    images.push(externalImage(base, from.line, { platform, isBase: true, place: 'FROM' }));
  const origins: number[] = [];
  const declared: string[] = [];
  const setting = { ...given, globals, escapeToken: file.escapeToken };
  const taken: { line: number; taken: InstructionInputs }[] = [];
  for (const instruction of [stage.from, ...instructions]) {
    const what = instructionInputs(instruction, lookupIn(scope), file.escapeToken);
    taken.push({ line: instruction.line, taken: what });
    if (what.vague !== undefined) vague.push(`line ${instruction.line}: ${what.vague}`);
    for (const name of what.origins) {
      const { keyword, line } = instruction;
      const byNumber = keyword === 'COPY';
      const origin = findOriginStage(all, name, { before: index, byNumber });
      // Behind the stages the numbers are those of other instructions' images.
      if (origin === undefined && byNumber && isGoInteger(name))
        vague.push(`line ${line}: ${name} is no earlier stage`);
      const need = findNeedInOrigin(name, instruction, lookupIn(scope), given, file.escapeToken);
      if (origin !== undefined) origins.push(origin);
      else if (need !== undefined) named.push(need);
      else if (name !== 'scratch') {
        const place = keyword === 'RUN' ? 'RUN --mount' : 'COPY --from';
        images.push(externalImage(name, line, { platform, isBase: false, place }));
      }
    }
    if (what.vague !== undefined && what.origins.length === 0 && mayTakeFrom(instruction))
      unknown.push({ what: `what this ${instruction.keyword} takes from`, line: instruction.line });
    const { names, isExact } = applyInstruction(scope, instruction, setting);
    for (const name of names) declared.push(name);
    if (!isExact) vague.push(`line ${instruction.line}: the name of an ARG hangs on a variable`);
  }
  return {
    stage,
    index,
    instructions,
    scope,
    declared,
    origins,
    images,
    needed: named.flatMap((each) => ('needed' in each ? each.needed : [])),
    partly: named.flatMap((each) => ('partly' in each ? each.partly : [])),
    unknown,
    triggerImages: stage.instructions.flatMap(({ trigger }) =>
      trigger === undefined ? [] : imagesOf(trigger, file.escapeToken),
    ),
    loose: taken.flatMap(({ line, taken: { loose } }) => loose.map((source) => ({ source, line }))),
    paths: taken.flatMap(({ taken: { paths } }) => paths),
    vague,
    hasTriggers: stage.instructions.some(({ trigger }) => trigger !== undefined),
    platform,
  };
}

/** True where an instruction that is not understood may take files from an image. */
function mayTakeFrom({ flags }: Instruction): boolean {
  return flags.some(({ name, value }) => name === 'from' || (name === 'mount' && /from/i.test(value)));
}

/** The images from which a trigger takes files where it runs, in another build: there are no stages of this file there. */
function imagesOf(trigger: Instruction, escapeToken: string): string[] {
  const { origins } = instructionInputs(trigger, lookupIn(emptyScope(false)), escapeToken);
  return origins.filter((name) => !/^\d+$|^scratch$/.test(name) && !isPinned(name));
}

/** The earlier stage that `--from` or a mount's `from` names, the first by number too; undefined for an image. */
export function findOriginStage(
  all: readonly Stage[],
  name: string,
  { before, byNumber }: { before: number; byNumber: boolean },
): number | undefined {
  const origin = (byNumber ? findStageByNumber(all, name) : undefined) ?? findStageByName(all, name);
  return origin !== undefined && origin < before ? origin : undefined;
}

/** An image from outside, as an instruction names it. */
export function externalImage(
  reference: string,
  line: number,
  use: Pick<ExternalImage, 'platform' | 'isBase' | 'place'>,
): ExternalImage {
  return { reference, line, isPinned: isPinned(reference), ...use };
}

/** True for a name that holds the image's digest. */
export function isPinned(reference: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(reference);
}
