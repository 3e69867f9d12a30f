import type { Plan, Step } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { enforceConsistentNeeds } from './consistent-needs.ts';
import type { PlanInput } from './input.ts';
import { initialStatuses, propagateBuilds } from './status.ts';
import { makeStep } from './step.ts';

/**
 * One step for each task in scope. A task is made if it is selected and neither here nor in the registry, if something to
 * be made needs it, if something it is built on is made anew, if it was made with another result of a need than the one
 * known now, or if others of the same release stand on another image of a need.
 */
export function makePlan(input: PlanInput): Plan {
  const standings = initialStatuses(input);
  propagateBuilds(standings, input);
  enforceConsistentNeeds(standings, input);
  const steps = new Map<TaskId, Step>();
  for (const standing of standings.values())
    steps.set(standing.task.id, makeStep(standing, standings, input));
  return { steps };
}
