import type { Definition } from '../define/types.ts';
import { didYouMean } from '../model/did-you-mean.ts';
import type { Axes, Task } from '../model/task.ts';
import type { TaskDraft } from './expand.ts';
import { formatValue, type ReportFault } from './fields.ts';

/** The definition that a need or an `after` refers to, and how. */
export interface ResolvedReference {
  readonly form: 'plain' | 'at' | 'all';
  readonly definition: Definition;
  readonly where?: string | Axes | undefined;
}

/** Returns the one task that a need refers to. Reports a fault and returns undefined if there is none or more than one. */
export function pickOne(
  target: ResolvedReference,
  candidates: readonly TaskDraft[],
  draft: TaskDraft,
  field: string,
  report: ReportFault,
): TaskDraft[] | undefined {
  const found =
    target.form === 'at' ? atCandidates(target, candidates) : matchingCandidates(candidates, draft.task);
  if (found.length === 1) return found;
  const requested = formatValue(target.form === 'at' ? target.where : draft.task.axes);
  const hint =
    typeof target.where === 'string'
      ? didYouMean(
          target.where,
          candidates.map((c) => c.task.version),
        )
      : undefined;
  report({
    field,
    message:
      found.length === 0
        ? 'unknown need: no version matches'
        : 'ambiguous need: more than one version matches',
    found: found.length === 0 ? requested : `${requested} matches ${listIds(found)}`,
    expected: found.length === 0 ? `one of ${listIds(candidates)}` : 'exactly one',
    hint: hint ?? 'choose a version with .at(…) or a function of the version',
  });
  return undefined;
}

function atCandidates(target: ResolvedReference, candidates: readonly TaskDraft[]): TaskDraft[] {
  const { where } = target;
  if (typeof where === 'string') return candidates.filter((candidate) => candidate.task.version === where);
  const exact = candidates.filter((candidate) => candidate.versionArgument === where);
  if (exact.length > 0) return exact;
  // A cell of another matrix may have other axes: only the shared ones must match.
  return candidates.filter((candidate) => matchesSharedAxes(candidate.task.axes, where ?? {}));
}

/**
 * Returns the candidates that match a task on the axes that both have. Without shared axes, or with a plain version list, it
 * returns the candidate of the same version or, if there is none, all of them.
 */
export function matchingCandidates(candidates: readonly TaskDraft[], task: Task): TaskDraft[] {
  const sameVersion = candidates.filter((candidate) => candidate.task.version === task.version);
  const shared = Object.keys(task.axes).filter((axis) => axis in candidates[0]!.task.axes);
  if (shared.length === 0 || shared.join() === 'version') {
    if (sameVersion.length === 1) return sameVersion;
    return [...candidates];
  }
  return candidates.filter((candidate) => matchesSharedAxes(candidate.task.axes, task.axes));
}

function matchesSharedAxes(axes: Axes, required: Axes): boolean {
  return Object.entries(required).every(([axis, value]) => !(axis in axes) || axes[axis] === value);
}

/** Returns true if a task has the given values on the given axes. */
export function matchesAxes(task: Task, filter: Axes | undefined): boolean {
  return Object.entries(filter ?? {}).every(([axis, value]) => task.axes[axis] === value);
}

/** Returns the IDs of tasks for a message, separated by commas. */
export function listIds(drafts: readonly TaskDraft[]): string {
  return drafts.map((draft) => draft.task.id).join(', ');
}
