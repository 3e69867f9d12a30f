/** A problem in the definition of a task that only reading the disk can find. */
export interface TaskProblem {
  readonly field?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly hint?: string;
}
