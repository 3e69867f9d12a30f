import { makesFiles, needIds, type Task, type TaskId } from '../model/task.ts';
import type { PlanInput } from './input.ts';
import { buildReason } from './reasons.ts';
import { propagateBuilds, type TaskStatus, type TaskStatuses } from './status.ts';

/**
 * Makes the selected images, and all that they need, stand on one image of each need: on the one that the registry holds
 * after a push, where it will hold one. Images that stand on another are built again.
 */
export function enforceConsistentNeeds(standings: TaskStatuses, input: PlanInput): void {
  // Images that were made here are compared with what is here already.
  if (input.existing.remote.size === 0) return;
  for (;;) {
    const differing = findDiffering(standings, input);
    if (differing.length === 0) return;
    propagateBuilds(standings, input, differing);
  }
}

function findDiffering(standings: TaskStatuses, input: PlanInput): TaskStatus[] {
  const released = reach(
    standings,
    input,
    ({ found, buildReasons }) => found !== undefined || buildReasons.length > 0,
    false,
  );
  const uploaded = reach(standings, input, isUploaded, true);
  const usersOf = ({ task }: TaskStatus): TaskStatus[] =>
    (input.graph.dependents.get(task.id) ?? [])
      .map((id) => standings.get(id))
      .filter((user) => user !== undefined && released.has(user) && !makesFiles(user.task))
      .filter((user): user is TaskStatus => user!.buildReasons.length === 0);
  const isHeld = (need: TaskStatus): boolean =>
    need.buildReasons.length > 0 || need.found?.remote !== undefined || uploaded.has(need);
  /** What others stand on, where the registry does not hold it, may be another image than the one here: nothing is known of it. */
  const isKnown = (user: TaskStatus): boolean =>
    user.found !== undefined &&
    (input.selected.has(user.task.id) || isHeld(user) || usersOf(user).every((each) => standsOn(each, user)));
  const differing = new Set<TaskStatus>();
  for (const need of released) {
    if (makesFiles(need.task)) continue;
    const users = usersOf(need);
    const agree = (): boolean =>
      users.every((user) => isKnown(user) && standsOn(user, need)) ||
      new Set(users.map((user) => (isKnown(user) ? user.found!.record.needs[need.task.id] : undefined)))
        .size <= 1;
    if (!isHeld(need) && agree()) continue;
    if (!isHeld(need) && need.found === undefined)
      differing.add(add(need, () => buildReason(need.task, input)));
    else
      for (const user of users)
        if (!isKnown(user) || !standsOn(user, need))
          differing.add(add(user, () => reasonFor(user, need.task, input)));
  }
  return [...differing];
}

/** Selected images, and what is needed by any of them. `through`: needs are only followed from those that `isIn` takes. */
function reach(
  standings: TaskStatuses,
  { selected }: PlanInput,
  isIn: (standing: TaskStatus) => boolean,
  through: boolean,
): Set<TaskStatus> {
  const reached = new Set<TaskStatus>();
  const visit = (id: TaskId): void => {
    const standing = standings.get(id);
    if (standing === undefined || reached.has(standing) || standing.blocked !== undefined) return;
    if (through && !isIn(standing)) return;
    reached.add(standing);
    for (const need of needIds(standing.task)) visit(need);
  };
  for (const id of selected) {
    const standing = standings.get(id);
    if (standing !== undefined && !makesFiles(standing.task) && isIn(standing)) visit(id);
  }
  return reached;
}

/** True where a push uploads it: it is made, or only this machine has it. */
function isUploaded({ found, buildReasons }: TaskStatus): boolean {
  return buildReasons.length > 0 || (found !== undefined && found.remote === undefined);
}

/** True where an image is known to stand on the result of a need that counts. */
function standsOn({ found: user }: TaskStatus, { task, found, buildReasons }: TaskStatus): boolean {
  if (buildReasons.length > 0 || user === undefined) return false;
  const used = user.record.needs[task.id];
  return used !== undefined && found?.ids.includes(used) === true;
}

function reasonFor(user: TaskStatus, need: Task, input: PlanInput): TaskStatus['buildReasons'][number] {
  if (user.found === undefined) return buildReason(user.task, input);
  return { code: 'need-image', detail: `not known to stand on the ${need.id} of this release` };
}

function add(standing: TaskStatus, reason: () => TaskStatus['buildReasons'][number]): TaskStatus {
  if (standing.buildReasons.length === 0) standing.buildReasons.push(reason());
  return standing;
}
