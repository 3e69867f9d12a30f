import { type Processes, StepFailed } from '../model/ports.ts';
import { runProcess } from './process.ts';

/** Runs the programs of command tasks. */
export const processes: Processes = {
  async run(request, progress, signal) {
    const exit = await runProcess({
      argv: request.argv,
      cwd: request.cwd,
      env: request.env,
      signal,
      onLine: progress.line,
    });
    signal.throwIfAborted();
    if (exit.problem !== undefined)
      throw new StepFailed(`${request.argv[0]} could not be started: ${exit.problem}`);
    if (exit.code !== 0)
      throw new StepFailed(`${request.argv[0]} ended with ${exit.signal ?? `exit code ${exit.code}`}`);
  },
};
