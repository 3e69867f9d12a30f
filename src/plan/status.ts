import type { Reason } from '../model/plan.ts';
import { isSameResult, resultIds, type TaskRecord } from '../model/record.ts';
import { needIds, needNameOf, type Task, type TaskId } from '../model/task.ts';
import { type ExistingResult, makeResultFinder } from './existing.ts';
import type { PlanInput } from './input.ts';
import { type BlockedTasks, buildReason, needBlocked } from './reasons.ts';

/** The status of a task during planning. */
export interface TaskStatus {
  readonly task: Task;
  /** The result to use. The registry's result takes precedence over the local one, since other machines build on it. */
  readonly found: ExistingResult | undefined;
  /** Why the task cannot be built; undefined if it can, or need not be. */
  readonly blocked: readonly Reason[] | undefined;
  /** Why the task must be built or run; empty if it need not be. */
  readonly buildReasons: Reason[];
}

export type TaskStatuses = ReadonlyMap<TaskId, TaskStatus>;

/**
 * Returns the status of each task in scope: its existing result, if any, and whether it is blocked or outdated. `known`: tasks that are
 * known to be blocked.
 */
export function initialStatuses(input: PlanInput, known: BlockedTasks): TaskStatuses {
  const finder = makeResultFinder(input.existing);
  const statuses = new Map<TaskId, TaskStatus>();
  for (const task of input.graph.tasks.values()) {
    if (!input.scope.has(task.id)) continue;
    const blocked = known.get(task.id) ?? unreadableReasons(task, input, statuses);
    const key = input.keyed.get(task.id)?.key;
    const { found, buildReasons } =
      key === undefined
        ? { found: undefined, buildReasons: [] }
        : chooseResult(task, finder.remote(task, key), finder.local(task, key), statuses, input);
    statuses.set(task.id, {
      task,
      found,
      blocked,
      buildReasons: blocked ? [] : input.forced.has(task.id) ? [forcedReason] : buildReasons,
    });
  }
  return statuses;
}

const forcedReason: Reason = { code: 'forced', detail: 'requested with --force' };

/** Returns why a task is blocked whose inputs, or those of a task that it needs, cannot be read: it has no key. */
function unreadableReasons(
  task: Task,
  input: PlanInput,
  statuses: TaskStatuses,
): readonly Reason[] | undefined {
  const observed = input.observations.get(task.id);
  if (observed?.kind === 'problem') return [{ code: 'unreadable', detail: observed.detail }];
  if (input.keyed.has(task.id)) return undefined;
  const need = needIds(task).find((id) => statuses.get(id)?.blocked !== undefined);
  return need === undefined ? undefined : [needBlocked(need)];
}

/** Prefers the registry's result to the local one, unless it uses another image of a need than the registry has now. */
function chooseResult(
  task: Task,
  remote: ExistingResult | undefined,
  local: ExistingResult | undefined,
  statuses: TaskStatuses,
  input: PlanInput,
): { found: ExistingResult | undefined; buildReasons: Reason[] } {
  const remoteReasons =
    remote === undefined ? [] : outdatedNeeds(task, remote.record, (id) => registryIds(id, statuses, input));
  if (remote !== undefined && remoteReasons.length === 0) return { found: remote, buildReasons: [] };
  if (local !== undefined)
    return {
      found: local,
      buildReasons: outdatedNeeds(task, local.record, (id) => lastKnownIds(id, statuses, input)),
    };
  return { found: remote, buildReasons: remoteReasons };
}

/** Returns the digests of a need's result that the registry has, or will have after this push; undefined if it has none. */
function registryIds(id: TaskId, statuses: TaskStatuses, input: PlanInput): readonly string[] | undefined {
  const found = statuses.get(id)?.found;
  const isUploaded = input.pushTags !== undefined && input.selected.has(id) && found?.image !== undefined;
  return found?.remote !== undefined || isUploaded ? found?.ids : undefined;
}

/** Returns the digests of a need's last result, even if it no longer exists; undefined if there is no record. */
function lastKnownIds(id: TaskId, statuses: TaskStatuses, input: PlanInput): readonly string[] | undefined {
  const found = statuses.get(id)?.found;
  if (found !== undefined) return found.ids;
  const record = input.existing.records.get(input.keyed.get(id)?.key ?? '');
  return record === undefined || record.shared ? undefined : resultIds(record);
}

function outdatedNeeds(
  task: Task,
  record: TaskRecord,
  idsOf: (need: TaskId) => readonly string[] | undefined,
): Reason[] {
  return needIds(task)
    .filter((id) => {
      const ids = idsOf(id);
      return ids !== undefined && !isSameResult(record.needs[needNameOf(task, id)], ids);
    })
    .map((id) => ({ code: 'need-image', detail: `built with another ${id} than the current one` }));
}

/**
 * Adds build reasons to needs without a result and to dependents of tasks that will be built. `from` holds the statuses that
 * got reasons since the last call; without it, all statuses are checked.
 */
export function propagateBuilds(
  statuses: TaskStatuses,
  input: PlanInput,
  from?: readonly TaskStatus[],
): void {
  const queue: TaskStatus[] = [...(from ?? [])];
  const addReason = (status: TaskStatus, reason: () => Reason): void => {
    if (status.blocked !== undefined) return;
    if (status.buildReasons.length === 0) queue.push(status);
    status.buildReasons.push(reason());
  };
  for (const status of from === undefined ? statuses.values() : []) {
    if (status.buildReasons.length > 0) queue.push(status);
    else if (status.found === undefined && input.selected.has(status.task.id))
      addReason(status, () => buildReason(status.task, input));
  }
  // The queue grows during the loop. Shifting items would be quadratic.
  for (const { task } of queue) {
    for (const id of needIds(task)) {
      const need = statuses.get(id)!;
      if (need.found === undefined && need.buildReasons.length === 0)
        addReason(need, () => buildReason(need.task, input));
    }
    for (const id of input.graph.dependents.get(task.id) ?? []) {
      const dependent = statuses.get(id);
      if (dependent === undefined || (dependent.found === undefined && dependent.buildReasons.length === 0))
        continue;
      addReason(dependent, () => ({
        code: 'need-built',
        detail: `${task.id} will be ${task.kind === 'command' ? 'run' : 'built'}`,
      }));
    }
  }
}

/** Returns true if a task that will be built or run needs this task's result. */
export function isNeeded({ task }: TaskStatus, statuses: TaskStatuses, input: PlanInput): boolean {
  return (input.graph.dependents.get(task.id) ?? []).some(
    (id) => (statuses.get(id)?.buildReasons.length ?? 0) > 0,
  );
}
