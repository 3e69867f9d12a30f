import { assignedNames } from './assignments.ts';
import { canonicalText, flagText } from './canonical.ts';
import type { ContextPath, RequiredPath } from './context-path.ts';
import { epochName } from './epoch.ts';
import { nonportableFlags } from './instruction-inputs.ts';
import { variableNames, withDefaultVariables } from './need-references.ts';
import type { Dockerfile } from './parse.ts';
import { findOriginStage, type ReachableStage } from './reachable-stages.ts';
import type { Stage, Stages } from './stages.ts';

/** An instruction that the target depends on, in a form in which equivalent instructions are equal. */
export interface ReachableInstruction {
  /**
   * `1 3`: the number of the stage among the reachable ones, and the number of the instruction in it. `args 1` for the ARGs
   * before the first FROM, `unneeded 1` for the FROM of a stage that is not needed.
   */
  readonly name: string;
  readonly line: number;
  readonly text: string;
}

/** Everything in a Dockerfile and its context that can change the target's image. */
export interface ReachableInputs {
  readonly steps: readonly ReachableInstruction[];
  /** The build args that the target's stages declare or are built on. */
  readonly args: readonly string[];
  readonly paths: readonly ContextPath[];
  /** The paths without which the build fails. */
  readonly required: readonly RequiredPath[];
}

/** Instructions that only configure containers and change no file: they don't matter in a stage that is only copied from. */
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

/** Returns a stage and the stages that it is built on, whose configuration it inherits. */
function baseChain(all: readonly Stage[], index: number): ReadonlySet<number> {
  const chain = new Set([index]);
  for (let base = all[index]!.base; typeof base === 'number'; base = all[base]!.base) chain.add(base);
  return chain;
}

/** Returns everything in a Dockerfile that can change the image of its target. */
export function reachableInputs(
  file: Dockerfile,
  stages: Stages,
  reachable: readonly ReachableStage[],
  target: string | undefined,
): ReachableInputs {
  const declared = reachable.flatMap(({ declaredArgs }) => declaredArgs);
  if (stages.globalValues.has(epochName)) declared.push(epochName);
  const fromTexts = reachable.map(({ stage }) => `${stage.from.rest} ${flagText(stage.from)}`);
  const args = withDefaultVariables(
    stages.globalArgs,
    new Set([...declared, ...variableNames(fromTexts.join('\n'))]),
    file.escapeToken,
  );
  const globalArgs = stages.globalArgs.filter((each) =>
    assignedNames(each, file.escapeToken).some((name) => args.has(name)),
  );
  const flags = new Set(file.instructions.flatMap(nonportableFlags));
  const needed = new Set(reachable.map(({ index }) => index));
  const unneeded = stages.all.filter((stage, index) => !needed.has(index) && isUnknown(stage));
  // The target's name matters only if the file asks for it.
  const targetName = args.has('TARGETSTAGE') ? [target ?? stages.all.at(-1)!.name ?? ''] : [];
  return {
    steps: [
      ...(file.syntax === undefined ? [] : [{ name: 'syntax', line: 1, text: file.syntax }]),
      ...(file.escapeToken === '\\' ? [] : [{ name: 'escape', line: 1, text: file.escapeToken }]),
      ...(file.check === undefined ? [] : [{ name: 'check', line: 1, text: file.check }]),
      ...(flags.size === 0 ? [] : [{ name: 'flags', line: 1, text: [...flags].sort().join(' ') }]),
      ...unneeded.map(({ from }, at) => ({
        name: `unneeded ${at + 1}`,
        line: from.line,
        text: `FROM ${flagText(from)} ${from.rest}`,
      })),
      ...targetName.map((text) => ({ name: 'target stage', line: 1, text })),
      ...globalArgs.map((each, at) => ({
        name: `args ${at + 1}`,
        line: each.line,
        text: canonicalText(each, () => undefined),
      })),
      ...stageInstructions(stages, reachable),
    ],
    args: [...args].sort(),
    paths: reachable.flatMap(({ paths }) => paths),
    required: reachable.flatMap(({ required }) => required),
  };
}

/**
 * Whether only the build knows a stage's platform or base: older BuildKit versions reject a Dockerfile in which one of them is empty,
 * whatever the target is (moby/buildkit dockerfile2llb/convert.go).
 */
function isUnknown({ platform, base }: Stage): boolean {
  return platform === null || base === undefined;
}

function stageInstructions(stages: Stages, reachable: readonly ReachableStage[]): ReachableInstruction[] {
  const positions = new Map(reachable.map(({ index }, position) => [index, position]));
  const inheritedConfig = baseChain(stages.all, reachable.at(-1)!.index);
  return reachable.flatMap(({ stage, instructions, index }, position) => {
    // References to stages become numbers, so renaming a stage changes nothing.
    const renameStage = (origin: string, byNumber: boolean): string | undefined => {
      const found = findOriginStage(stages.all, origin, { before: index, byNumber });
      return found === undefined ? undefined : `stage ${positions.get(found)}`;
    };
    const base =
      typeof stage.base === 'number'
        ? `stage ${positions.get(stage.base)}`
        : stage.from.rest.split(/\s/, 1)[0]!;
    const relevant = inheritedConfig.has(index)
      ? instructions
      : instructions.filter(({ keyword }) => !configOnly.has(keyword));
    return [{ ...stage.from, rest: base }, ...relevant].map((each, at) => ({
      name: `${position} ${at}`,
      line: each.line,
      text: canonicalText(each, renameStage),
    }));
  });
}
