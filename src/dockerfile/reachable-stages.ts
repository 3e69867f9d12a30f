import { normalizePlatform } from '../model/platform.ts';
import { type ContextPath, type RequiredPath, wholeContext } from './context-path.ts';
import { type ExternalImage, externalImage, isPinned, type UsedPlatform } from './external-image.ts';
import { type InstructionInputs, instructionInputs } from './instruction-inputs.ts';
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
  findContext,
  findStageByName,
  findStageByNumber,
  isGoInteger,
  type Stage,
  type Stages,
} from './stages.ts';

/** A place where a stage reads a named context. */
export interface ContextUse {
  /** As `contextName` returns it. */
  readonly name: string;
  readonly line: number;
  readonly platform: UsedPlatform;
  /** True if a stage is built on it. */
  readonly isBase: boolean;
  /** The paths that are read, if the context is a folder. */
  readonly paths: readonly ContextPath[];
}

/** An image that a stage uses and that only the build knows. */
export interface UnknownImage {
  /** A description for messages. */
  readonly what: string;
  readonly line: number;
}

/** A place where a stage uses the image of a need, and for which platform. */
export interface UsedNeed extends NeededImage {
  readonly platform: UsedPlatform;
}

/** A stage that a target depends on, with everything that its instructions use. */
export interface ReachableStage {
  readonly stage: Stage;
  readonly index: number;
  /** The ONBUILD triggers of the stage that it is built on, then its own instructions. */
  readonly instructions: readonly Instruction[];
  readonly scope: Scope;
  /** The names of the build args that it declares. */
  readonly declaredArgs: readonly string[];
  /** The indexes of the stages that it copies or mounts from. */
  readonly originStages: readonly number[];
  readonly externalImages: readonly ExternalImage[];
  readonly contextUses: readonly ContextUse[];
  readonly neededImages: readonly UsedNeed[];
  readonly mixedNames: readonly MixedImageName[];
  readonly unknownImages: readonly UnknownImage[];
  readonly triggerImages: readonly string[];
  readonly unverifiedDownloads: readonly { readonly source: string; readonly line: number }[];
  readonly paths: readonly ContextPath[];
  readonly required: readonly RequiredPath[];
  /** Why its inputs are not known exactly, each with a line. */
  readonly vague: readonly string[];
  readonly hasTriggers: boolean;
  readonly platform: UsedPlatform;
}

/** Returns the stages that a target is built on or copies or mounts from, in the order of the file; the target is last. */
export function findReachableStages(
  file: Dockerfile,
  stages: Stages,
  target: number,
  parameters: BuildParameters,
): ReachableStage[] {
  const reachable = new Map<number, ReachableStage>();
  // Stages refer only to earlier stages, so this ends. No recursion: a chain of stages can exceed the call stack.
  const pending = [target];
  for (let index = pending.at(-1); index !== undefined; index = pending.at(-1)) {
    const { base } = stages.all[index]!;
    const isReady = typeof base !== 'number' || reachable.has(base);
    if (!isReady) pending.push(base);
    else {
      pending.pop();
      if (reachable.has(index)) continue;
      const stage = analyzeStage(
        file,
        stages,
        index,
        typeof base === 'number' ? reachable.get(base) : undefined,
        parameters,
      );
      reachable.set(index, stage);
      pending.push(...stage.originStages);
    }
  }
  return [...reachable.values()].sort((a, b) => a.index - b.index);
}

function analyzeStage(
  file: Dockerfile,
  { all, globalArgs, globalValues }: Stages,
  index: number,
  baseStage: ReachableStage | undefined,
  parameters: BuildParameters,
): ReachableStage {
  const stage = all[index]!;
  const triggers = baseStage?.stage.instructions.flatMap(({ trigger }) => trigger ?? []) ?? [];
  const instructions = [...triggers, ...stage.instructions];
  const isScratch = stage.base === 'scratch';
  const scope = baseStage === undefined ? emptyScope(isScratch) : inheritScope(baseStage.scope);
  const vague =
    stage.base === undefined ? [`line ${stage.from.line}: the base image depends on the build machine`] : [];
  const platform = usedPlatform(stage, baseStage?.platform, parameters);
  const externalImages: ExternalImage[] = [];
  const needReferences: NeedReference[] = [];
  const unknownImages: UnknownImage[] = [];
  const { base, from } = stage;
  const contextUses: ContextUse[] = [];
  const baseContext = typeof base === 'string' ? findContext(base, parameters) : undefined;
  const needInFrom = findNeedInFrom(stage, globalArgs, parameters, file.escapeToken);
  if (baseContext !== undefined)
    contextUses.push({ name: baseContext, line: from.line, platform, isBase: true, paths: [wholeContext] });
  else if (needInFrom !== undefined) needReferences.push(needInFrom);
  else if (base === undefined) unknownImages.push({ what: from.rest.split(/\s/, 1)[0]!, line: from.line });
  else if (typeof base === 'string' && !isScratch)
    externalImages.push(externalImage(base, from.line, { platform, isBase: true, place: 'FROM' }));
  const originStages: number[] = [];
  const declaredArgs: string[] = [];
  const stageParameters = { ...parameters, globalValues, escapeToken: file.escapeToken };
  const inputs: { keyword: string; line: number; inputs: InstructionInputs }[] = [];
  for (const instruction of [stage.from, ...instructions]) {
    const { keyword, line } = instruction;
    const current = instructionInputs(instruction, lookupIn(scope), file.escapeToken);
    inputs.push({ keyword, line, inputs: current });
    if (current.vague !== undefined) vague.push(`line ${line}: ${current.vague}`);
    for (const { name, paths } of current.origins) {
      const byNumber = keyword === 'COPY';
      const origin = findOriginStage(all, name, { before: index, byNumber });
      // BuildKit also numbers the images that other instructions copy from, after the stages.
      if (origin === undefined && byNumber && isGoInteger(name))
        vague.push(`line ${line}: no earlier stage has the number ${name}`);
      const need = findNeedInOrigin(name, instruction, lookupIn(scope), parameters, file.escapeToken);
      const context = byNumber && isGoInteger(name) ? undefined : findContext(name, parameters);
      if (origin !== undefined) originStages.push(origin);
      else if (context !== undefined)
        contextUses.push({ name: context, line, platform, isBase: false, paths: paths() });
      else if (need !== undefined) needReferences.push(need);
      else if (name !== 'scratch') {
        const place = keyword === 'RUN' ? 'RUN --mount' : 'COPY --from';
        externalImages.push(externalImage(name, line, { platform, isBase: false, place }));
      }
    }
    if (current.vague !== undefined && current.origins.length === 0 && mayReadImage(instruction))
      unknownImages.push({ what: `the image that this ${keyword} reads from`, line });
    const { names, isExact } = applyInstruction(scope, instruction, stageParameters);
    for (const name of names) declaredArgs.push(name);
    if (!isExact) vague.push(`line ${line}: the name of an ARG depends on a variable`);
  }
  return {
    stage,
    index,
    instructions,
    scope,
    declaredArgs,
    originStages,
    externalImages,
    contextUses,
    neededImages: needReferences.flatMap((each) => ('needed' in each ? { ...each.needed, platform } : [])),
    mixedNames: needReferences.flatMap((each) => ('mixed' in each ? each.mixed : [])),
    unknownImages,
    triggerImages: stage.instructions.flatMap(({ trigger }) =>
      trigger === undefined ? [] : unpinnedOrigins(trigger, file.escapeToken),
    ),
    unverifiedDownloads: inputs.flatMap(({ line, inputs: { unverifiedDownloads } }) =>
      unverifiedDownloads.map((source) => ({ source, line })),
    ),
    paths: inputs.flatMap(({ inputs: { paths } }) => paths),
    required: inputs.flatMap(({ keyword, line, inputs: { required } }) =>
      required.map((path) => ({ path, keyword, line })),
    ),
    vague,
    hasTriggers: stage.instructions.some(({ trigger }) => trigger !== undefined),
    platform,
  };
}

/** A stage on another stage has that one's platform. */
function usedPlatform(
  { platform: asked }: Stage,
  below: UsedPlatform | undefined,
  { platform }: BuildParameters,
): UsedPlatform {
  if (asked === undefined) return below ?? 'target';
  // BuildKit takes no platform for an empty one.
  if (asked === null || asked === '') return 'any';
  const normal = normalizePlatform(asked);
  return normal === normalizePlatform(platform) ? 'target' : normal;
}

/** Tells whether an instruction that is not fully understood may read files from an image. */
function mayReadImage({ flags }: Instruction): boolean {
  return flags.some(({ name, value }) => name === 'from' || (name === 'mount' && /from/i.test(value)));
}

/** Returns the unpinned images that a trigger reads from. It runs in another build, where this file's stages don't exist. */
function unpinnedOrigins(trigger: Instruction, escapeToken: string): string[] {
  const { origins } = instructionInputs(trigger, lookupIn(emptyScope(false)), escapeToken);
  return origins.map(({ name }) => name).filter((name) => !/^\d+$|^scratch$/.test(name) && !isPinned(name));
}

/**
 * Returns the index of the earlier stage that `--from` or a mount's `from` names, or undefined for an image. Only `--from`
 * accepts stage numbers (`byNumber`).
 */
export function findOriginStage(
  all: readonly Stage[],
  name: string,
  { before, byNumber }: { before: number; byNumber: boolean },
): number | undefined {
  const origin = (byNumber ? findStageByNumber(all, name) : undefined) ?? findStageByName(all, name);
  return origin !== undefined && origin < before ? origin : undefined;
}
