import { checkMachine } from '../../app/check-machine.ts';
import type { OpenProject } from '../../app/open-project.ts';
import { stopEngine } from '../../doctor/daemon.ts';
import { readInstallState } from '../../doctor/install-state.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { checksText } from '../../report/doctor.ts';
import { makePaint } from '../../report/paint.ts';
import { type Context, openHere } from '../context.ts';

export interface DoctorFlags {
  readonly fix?: boolean;
  readonly stop?: boolean;
}

/** `tasks doctor`: checks that this machine can build; exit code 3 if it cannot. */
export async function doctor(context: Context, flags: DoctorFlags): Promise<ExitCode> {
  if (flags.stop) return await stop(context);
  const { host, terminal, own, signal, settings } = context;
  const report = (action: string): void => terminal.err(own.pasteable(`▸ ${action}\n`));
  const { isReady, checks } = await checkMachine({
    host,
    project: await openIfReadable(context),
    folder: context.cwd,
    repo: settings.names.repo,
    builder: settings.builder,
    signal,
    ...(flags.fix ? { fix: report } : {}),
  });
  if (settings.output.json) terminal.json({ ok: isReady, checks });
  else
    for (const line of checksText(checks, makePaint(settings.output.outColor)))
      terminal.out(`${own.pasteable(line)}\n`);
  return isReady ? 0 : 3;
}

/** A machine can be checked without a project, and while its definitions are wrong. */
async function openIfReadable(context: Context): Promise<OpenProject | undefined> {
  try {
    return await openHere(context);
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    context.terminal.err(`checking the machine only: ${error.message}\n\n`);
    return undefined;
  }
}

async function stop({ terminal, own, signal }: Context): Promise<ExitCode> {
  const isStopped = await stopEngine(signal);
  terminal.err(
    own.pasteable(
      isStopped ? '▸ the engine has stopped\n' : '▸ no engine is running that `tasks doctor --fix` started\n',
    ),
  );
  const { packages, emulators = [] } = readInstallState();
  const removals = [
    ...emulators.map((name) => `echo -1 > /proc/sys/fs/binfmt_misc/${name}`),
    ...(packages.length > 0 ? [`apt-get purge --autoremove ${packages.join(' ')}`] : []),
  ];
  const what = packages.length > 0 ? 'packages that --fix installed' : 'emulators that --fix registered';
  if (removals.length > 0)
    terminal.err(
      `▸ ${what} are still there; to remove them and all images:\n${[...removals, 'rm -rf /var/lib/docker /var/lib/image-tasks'].map((line) => `    ${line}\n`).join('')}`,
    );
  return 0;
}
