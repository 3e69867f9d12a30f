import type { Observations } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { ConnectedNode, Progress } from '../model/ports.ts';
import type { Results } from './needs.ts';
import type { Services } from './services.ts';

/** What carrying out a step needs. */
export interface StepInput {
  readonly step: Step;
  readonly plan: Plan;
  readonly observations: Observations;
  readonly results: Results;
  readonly services: Services;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** The builder node that the step was placed on; undefined if the engine builds it. */
  readonly node?: ConnectedNode | undefined;
}
