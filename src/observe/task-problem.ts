import type { SourcePlace } from '../model/errors.ts';

/** A problem in the definition of a task that only reading the disk can find. */
export interface TaskProblem {
  /** Where it is, if it is not in the definition. */
  readonly place?: SourcePlace;
  readonly field?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly hint?: string;
}
