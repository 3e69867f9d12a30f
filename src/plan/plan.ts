import type { Plan, Step } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { findBlocked } from './blocked.ts';
import { enforceConsistentNeeds } from './consistent-needs.ts';
import type { PlanInput } from './input.ts';
import type { BlockedTasks } from './reasons.ts';
import { initialStatuses, propagateBuilds, type TaskStatuses } from './status.ts';
import { makeStep } from './step.ts';

/**
 * Returns a plan with one step for each task in scope. A task is built or run if
 * - it is selected or needed by a step, and has no result here or in the registry,
 * - a task that it needs is built or run,
 * - its result was made with another result of a need than the current one, or
 * - it uses another image of a need than the rest of the release.
 */
export function makePlan(input: PlanInput): Plan {
  const statuses = decideStatuses(input);
  const steps = new Map<TaskId, Step>();
  for (const status of statuses.values()) steps.set(status.task.id, makeStep(status, statuses, input));
  return { steps };
}

/**
 * Decides what is built. A task whose build would fail is blocked if it would be built; then it is decided again, since nothing is built
 * for it.
 */
function decideStatuses(input: PlanInput): TaskStatuses {
  for (let blocked: BlockedTasks = new Map(); ; ) {
    const statuses = initialStatuses(input, blocked);
    propagateBuilds(statuses, input);
    enforceConsistentNeeds(statuses, input);
    const found = findBlocked(statuses, input);
    if (found.size === 0) return statuses;
    blocked = new Map([...blocked, ...found]);
  }
}
