import type { Reason } from '../model/plan.ts';
import { resultIds, type TaskRecord } from '../model/record.ts';
import { needIds, type Task, type TaskId } from '../model/task.ts';
import { type ExistingResult, makeResultFinder } from './existing.ts';
import type { PlanInput } from './input.ts';
import { buildReason } from './reasons.ts';

/** How a task stands while the plan is made. */
export interface TaskStatus {
  readonly task: Task;
  /** The result that counts: the registry's before this machine's, since others build on that. */
  readonly found: ExistingResult | undefined;
  readonly blocked: Reason | undefined;
  /** Why it is to be made. Empty: it is not. */
  readonly buildReasons: Reason[];
}

export type TaskStatuses = ReadonlyMap<TaskId, TaskStatus>;

/** How each task stands by itself: there or not, blocked or not, made with other needs than those known now. */
export function initialStatuses(input: PlanInput): TaskStatuses {
  const finder = makeResultFinder(input.existing);
  const standings = new Map<TaskId, TaskStatus>();
  for (const task of input.graph.tasks.values()) {
    if (!input.scope.has(task.id)) continue;
    const blocked = blockedReason(task, input, standings);
    const key = input.keyed.get(task.id)?.key;
    const { found, why } =
      key === undefined
        ? { found: undefined, why: [] }
        : choose(task, finder.remote(task, key), finder.local(task, key), standings, input);
    standings.set(task.id, {
      task,
      found,
      blocked,
      buildReasons: blocked ? [] : input.forced.has(task.id) ? [forced] : why,
    });
  }
  return standings;
}

const forced: Reason = { code: 'forced', detail: 'asked for with --force' };

function blockedReason(task: Task, input: PlanInput, standings: TaskStatuses): Reason | undefined {
  const observed = input.observations.get(task.id);
  if (observed?.kind === 'problem') return { code: 'unreadable', detail: observed.detail };
  const need = needIds(task).find((id) => standings.get(id)?.blocked !== undefined);
  return need === undefined ? undefined : { code: 'need-blocked', detail: `${need} cannot be made` };
}

/**
 * The first writer wins: what the registry has is preferred to what was made here, unless it stands on another image of a
 * need than the registry has now.
 */
function choose(
  task: Task,
  remote: ExistingResult | undefined,
  here: ExistingResult | undefined,
  standings: TaskStatuses,
  input: PlanInput,
): { found: ExistingResult | undefined; why: Reason[] } {
  const remoteWhy =
    remote === undefined ? [] : otherNeeds(task, remote.record, (id) => willBeRemote(id, standings, input));
  if (remote !== undefined && remoteWhy.length === 0) return { found: remote, why: [] };
  if (here !== undefined)
    return { found: here, why: otherNeeds(task, here.record, (id) => known(id, standings, input)) };
  return { found: remote, why: remoteWhy };
}

/** Digests of a need's result as the registry has it, or will have it after this push; undefined: it says nothing of it. */
function willBeRemote(id: TaskId, standings: TaskStatuses, input: PlanInput): readonly string[] | undefined {
  const found = standings.get(id)?.found;
  const isUploaded = input.pushTags !== undefined && input.selected.has(id) && found?.image !== undefined;
  return found?.remote !== undefined || isUploaded ? found?.ids : undefined;
}

/** Digests of a need's result, even of one that is gone: what was made with another one is made anew. */
function known(id: TaskId, standings: TaskStatuses, input: PlanInput): readonly string[] | undefined {
  const found = standings.get(id)?.found;
  if (found !== undefined) return found.ids;
  const record = input.existing.records.get(input.keyed.get(id)?.key ?? '');
  return record === undefined || record.shared ? undefined : resultIds(record);
}

function otherNeeds(
  task: Task,
  record: TaskRecord,
  idsOf: (need: TaskId) => readonly string[] | undefined,
): Reason[] {
  return needIds(task)
    .filter((id) => {
      const ids = idsOf(id);
      const used = record.needs[id];
      return ids !== undefined && (used === undefined || !ids.includes(used));
    })
    .map((id) => ({ code: 'need-image', detail: `made with another ${id} than the one there is now` }));
}

/**
 * Spreads "is to be made": up to needs that are nowhere, down to what is built on something made anew. `from`: what was found to
 * be made since the last time; otherwise all is gone through.
 */
export function propagateBuilds(
  standings: TaskStatuses,
  input: PlanInput,
  from?: readonly TaskStatus[],
): void {
  const queue: TaskStatus[] = [...(from ?? [])];
  const make = (standing: TaskStatus, reason: () => Reason): void => {
    if (standing.blocked !== undefined) return;
    if (standing.buildReasons.length === 0) queue.push(standing);
    standing.buildReasons.push(reason());
  };
  for (const standing of from === undefined ? standings.values() : []) {
    if (standing.buildReasons.length > 0) queue.push(standing);
    else if (standing.found === undefined && input.selected.has(standing.task.id))
      make(standing, () => buildReason(standing.task, input));
  }
  // It grows while it is gone through. To shift it would move all the rest each time.
  for (const { task } of queue) {
    for (const id of needIds(task)) {
      const need = standings.get(id)!;
      if (need.found === undefined && need.buildReasons.length === 0)
        make(need, () => buildReason(need.task, input));
    }
    for (const id of input.graph.dependents.get(task.id) ?? []) {
      const dependent = standings.get(id);
      if (dependent === undefined || (dependent.found === undefined && dependent.buildReasons.length === 0))
        continue;
      make(dependent, () => ({
        code: 'need-built',
        detail: `${task.id} will be ${task.kind === 'command' ? 'run' : 'built'}`,
      }));
    }
  }
}

/** True where a task to be made needs this one's result. */
export function isNeeded({ task }: TaskStatus, standings: TaskStatuses, input: PlanInput): boolean {
  return (input.graph.dependents.get(task.id) ?? []).some(
    (id) => (standings.get(id)?.buildReasons.length ?? 0) > 0,
  );
}
