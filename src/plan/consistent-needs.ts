import type { Reason } from '../model/plan.ts';
import { isSameResult } from '../model/record.ts';
import { makesFiles, needIds, needNameOf, type Task, type TaskId } from '../model/task.ts';
import type { PlanInput } from './input.ts';
import { buildReason } from './reasons.ts';
import { propagateBuilds, type TaskStatus, type TaskStatuses } from './status.ts';

/**
 * Makes sure that the selected images and everything they need use the same image of each need. If the registry has an image of
 * the need, or will have one after the push, that image is the one to use. Images that use another one are rebuilt.
 */
export function enforceConsistentNeeds(statuses: TaskStatuses, input: PlanInput): void {
  // Local results are already checked against the local results of their needs.
  if (input.existing.remote.size === 0) return;
  for (;;) {
    const inconsistent = findInconsistent(statuses, input);
    if (inconsistent.length === 0) return;
    propagateBuilds(statuses, input, inconsistent);
  }
}

function findInconsistent(statuses: TaskStatuses, input: PlanInput): TaskStatus[] {
  const released = reach(
    statuses,
    input,
    ({ found, buildReasons }) => found !== undefined || buildReasons.length > 0,
    false,
  );
  const uploaded = reach(statuses, input, isUploaded, true);
  const usersOf = ({ task }: TaskStatus): TaskStatus[] =>
    (input.graph.dependents.get(task.id) ?? [])
      .map((id) => statuses.get(id))
      .filter((user) => user !== undefined && released.has(user) && !makesFiles(user.task))
      .filter((user): user is TaskStatus => user!.buildReasons.length === 0);
  const isInRegistry = (need: TaskStatus): boolean =>
    need.buildReasons.length > 0 || need.found?.remote !== undefined || uploaded.has(need);
  /**
   * An unselected image that the registry does not have may differ from the local one. It is known only if all its users use the
   * local one.
   */
  const isKnown = (user: TaskStatus): boolean =>
    user.found !== undefined &&
    (input.selected.has(user.task.id) ||
      isInRegistry(user) ||
      usersOf(user).every((each) => usesResult(each, user)));
  const inconsistent = new Set<TaskStatus>();
  for (const need of released) {
    if (makesFiles(need.task)) continue;
    const users = usersOf(need);
    const agree = (): boolean =>
      users.every((user) => isKnown(user) && usesResult(user, need)) ||
      agreeOn(
        users.map((user) =>
          isKnown(user) ? user.found!.record.needs[needNameOf(user.task, need.task.id)] : undefined,
        ),
      );
    if (!isInRegistry(need) && agree()) continue;
    if (!isInRegistry(need) && need.found === undefined)
      inconsistent.add(addReason(need, () => buildReason(need.task, input)));
    else
      for (const user of users)
        if (!isKnown(user) || !usesResult(user, need))
          inconsistent.add(addReason(user, () => rebuildReason(user, need.task, input)));
  }
  return [...inconsistent];
}

/** Returns true if all identities are of one result; at most one may be unknown, and only alone. */
function agreeOn(identities: readonly (string | undefined)[]): boolean {
  const [first, ...others] = identities;
  return others.every((each) => each !== undefined && isSameResult(first, each.split(' ')));
}

/**
 * Returns the selected images that match `filter`, and everything they need. With `filterNeeds`, needs that do not match `filter`
 * are left out.
 */
function reach(
  statuses: TaskStatuses,
  { selected }: PlanInput,
  filter: (status: TaskStatus) => boolean,
  filterNeeds: boolean,
): Set<TaskStatus> {
  const reached = new Set<TaskStatus>();
  const visit = (id: TaskId): void => {
    const status = statuses.get(id);
    if (status === undefined || reached.has(status) || status.blocked !== undefined) return;
    if (filterNeeds && !filter(status)) return;
    reached.add(status);
    for (const need of needIds(status.task)) visit(need);
  };
  for (const id of selected) {
    const status = statuses.get(id);
    if (status !== undefined && !makesFiles(status.task) && filter(status)) visit(id);
  }
  return reached;
}

/** Returns true if a push uploads the result: it will be built, or only this machine has it. */
function isUploaded({ found, buildReasons }: TaskStatus): boolean {
  return buildReasons.length > 0 || (found !== undefined && found.remote === undefined);
}

/** Returns true if an image is known to use the current result of a need. */
function usesResult(
  { task: userTask, found: user }: TaskStatus,
  { task, found, buildReasons }: TaskStatus,
): boolean {
  if (buildReasons.length > 0 || user === undefined) return false;
  return isSameResult(user.record.needs[needNameOf(userTask, task.id)], found?.ids ?? []);
}

function rebuildReason(user: TaskStatus, need: Task, input: PlanInput): Reason {
  if (user.found === undefined) return buildReason(user.task, input);
  return { code: 'need-image', detail: `may use another image of ${need.id} than this release` };
}

function addReason(status: TaskStatus, reason: () => Reason): TaskStatus {
  if (status.buildReasons.length === 0) status.buildReasons.push(reason());
  return status;
}
