import { type ExitCode, TasksError } from '../model/errors.ts';

/** `missing`: not there. `denied`: no permission, or (some registries) not there. `unreachable`: no answer. `broken`: a wrong one. */
export type RegistryProblem = 'missing' | 'denied' | 'unreachable' | 'broken';

/** What went wrong with a registry, and what to do about it. Never holds a secret. */
export class RegistryError extends TasksError {
  readonly problem: RegistryProblem;

  constructor(problem: RegistryProblem, message: string, options: { hint?: string; cause?: unknown } = {}) {
    const exitCode: ExitCode = problem === 'missing' ? 1 : 3;
    super(exitCode, message, options);
    this.problem = problem;
  }
}
