import { evaluateFacts, isReady } from '../../doctor/checks.ts';
import { startEngine, stopEngine } from '../../doctor/daemon.ts';
import { type Facts, gatherFacts } from '../../doctor/facts.ts';
import { planFixes } from '../../doctor/fix.ts';
import { installPackages } from '../../doctor/install.ts';
import { readInstallState } from '../../doctor/install-state.ts';
import { processProbe } from '../../engine/client.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { checksText } from '../../report/doctor.ts';
import { makePaint } from '../../report/paint.ts';
import { type CommonFlags, hasColor } from '../flags.ts';
import type { Io } from '../io.ts';
import { wantedBy } from '../wanted.ts';

export interface DoctorFlags extends CommonFlags {
  readonly fix?: boolean;
  readonly stop?: boolean;
}

/** `tasks doctor`: what the machine has and lacks; exit 3 where builds cannot work. */
export async function doctor(flags: DoctorFlags, io: Io): Promise<ExitCode> {
  if (flags.stop) return await stop(io);
  const wanted = await wantedBy(flags, io);
  const look = async (): Promise<Facts> =>
    await gatherFacts(io.environment, wanted, processProbe(io.environment, io.signal), io.signal);
  let facts = await look();
  if (flags.fix && (await fix(facts, io))) facts = await look();
  const checks = evaluateFacts(facts);
  const ready = isReady(checks);
  if (flags.json) io.json({ ok: ready, checks });
  else {
    const paint = makePaint(hasColor(flags, io, io.outIsTerminal));
    for (const line of checksText(checks, paint)) io.out(`${line}\n`);
  }
  return ready ? 0 : 3;
}

/** True where something was done. @throws TasksError exit 3 where nothing can be, with the commands to run by hand */
async function fix(facts: Facts, io: Io): Promise<boolean> {
  const say = (text: string): void => io.err(`▸ ${text}\n`);
  const fixes = planFixes(facts);
  if ('reason' in fixes) {
    throw new TasksError(3, `nothing was changed: ${fixes.reason}`, {
      hint: `by hand:\n${fixes.commands.map((command) => `  ${command}`).join('\n')}`,
    });
  }
  if (fixes.length === 0) say('nothing to fix');
  for (const step of fixes) {
    if (step.kind === 'install') await installPackages(step.packages, io.environment, io.signal, say);
    else {
      say(`starting ${step.dockerd}`);
      const { pid, log } = await startEngine(step.dockerd, io.environment, io.signal);
      say(`the engine answers (pid ${pid}, log ${log}); \`tasks doctor --stop\` ends it`);
    }
  }
  return fixes.length > 0;
}

async function stop(io: Io): Promise<ExitCode> {
  const stopped = await stopEngine(io.signal);
  io.err(stopped ? '▸ the engine has ended\n' : '▸ no engine runs that `tasks doctor --fix` started\n');
  const { packages } = readInstallState();
  if (packages.length > 0)
    io.err(
      `▸ still installed, by --fix: to remove them and all images\n    apt-get purge --autoremove ${packages.join(' ')}\n    rm -rf /var/lib/docker /var/lib/image-tasks\n`,
    );
  return 0;
}
