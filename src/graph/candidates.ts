import type { Definition } from '../define/types.ts';
import type { Axes, Task } from '../model/task.ts';
import { didYouMean } from './did-you-mean.ts';
import type { TaskDraft } from './expand.ts';
import { formatValue, type ReportFault } from './fields.ts';

/** What a need or an `after` names. */
export interface ResolvedReference {
  readonly form: 'plain' | 'at' | 'all';
  readonly definition: Definition;
  readonly where?: string | Axes | undefined;
}

/** The one task that a need means; complains and gives undefined where there is none, or more than one. */
export function pickOne(
  target: ResolvedReference,
  candidates: readonly TaskDraft[],
  draft: TaskDraft,
  field: string,
  complain: ReportFault,
): TaskDraft[] | undefined {
  const found =
    target.form === 'at' ? atCandidates(target, candidates) : matchingCandidates(candidates, draft.task);
  if (found.length === 1) return found;
  const wanted = target.form === 'at' ? formatValue(target.where) : formatValue(draft.task.axes);
  const hint =
    typeof target.where === 'string'
      ? didYouMean(
          target.where,
          candidates.map((c) => c.task.version),
        )
      : undefined;
  complain({
    field,
    message:
      found.length === 0
        ? 'unknown need: no version matches'
        : 'ambiguous need: more than one version matches',
    found: found.length === 0 ? wanted : `${wanted} matches ${listIds(found)}`,
    expected: found.length === 0 ? `one of ${listIds(candidates)}` : 'exactly one',
    hint: hint ?? 'name the version with .at(…), or by a function of the version',
  });
  return undefined;
}

function atCandidates(target: ResolvedReference, candidates: readonly TaskDraft[]): TaskDraft[] {
  const { where } = target;
  if (typeof where === 'string') return candidates.filter((candidate) => candidate.task.version === where);
  const exact = candidates.filter((candidate) => candidate.versionArgument === where);
  if (exact.length > 0) return exact;
  // A cell of another matrix may have axes that this definition lacks: what both have must agree.
  return candidates.filter((candidate) => agree(candidate.task.axes, where ?? {}));
}

/** By the axes that both have; a plain list falls back on the same version, then on the only one. */
export function matchingCandidates(candidates: readonly TaskDraft[], task: Task): TaskDraft[] {
  const sameVersion = candidates.filter((candidate) => candidate.task.version === task.version);
  const shared = Object.keys(task.axes).filter((axis) => axis in candidates[0]!.task.axes);
  if (shared.length === 0 || shared.join() === 'version') {
    if (sameVersion.length === 1) return sameVersion;
    return [...candidates];
  }
  return candidates.filter((candidate) => agree(candidate.task.axes, task.axes));
}

function agree(axes: Axes, wanted: Axes): boolean {
  return Object.entries(wanted).every(([axis, value]) => !(axis in axes) || axes[axis] === value);
}

/** True where a task has the given values on axes. */
export function matchesAxes(task: Task, filter: Axes | undefined): boolean {
  return Object.entries(filter ?? {}).every(([axis, value]) => task.axes[axis] === value);
}

/** Tasks' ids for a message. */
export function listIds(drafts: readonly TaskDraft[]): string {
  return drafts.map((draft) => draft.task.id).join(', ');
}
