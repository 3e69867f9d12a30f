import { failureCause } from '../model/failure-cause.ts';
import { type Processes, StepFailed } from '../model/ports.ts';
import { runProcess } from './process.ts';

/** Runs the programs of command tasks. */
export const processes: Processes = {
  async run(request, progress, signal) {
    const [program] = request.argv;
    const exit = await runProcess({
      argv: request.argv,
      cwd: request.cwd,
      env: request.env,
      signal,
      onLine: progress.line,
    });
    signal.throwIfAborted();
    if (exit.problem !== undefined)
      throw new StepFailed(`cannot start ${program}: ${exit.problem}`, {
        cause: failureCause(exit.errno === undefined ? {} : { startErrno: exit.errno }),
      });
    if (exit.signal !== undefined) throw new StepFailed(`${program} was killed by ${exit.signal}`);
    if (exit.code !== 0)
      throw new StepFailed(`${program} failed with exit code ${exit.code}`, { exitCode: exit.code });
  },
};
