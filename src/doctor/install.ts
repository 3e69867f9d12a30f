import { runProcess } from '../engine/process.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { readInstallState, writeInstallState } from './install-state.ts';
import { type Probe, processProbe } from './probe.ts';
import { preventServiceStarts } from './service-policy.ts';

/**
 * Installs packages from the Debian archive without starting their services, and records which ones were new. Calls `report` with
 * each command before it runs. @throws TasksError exit 3 with the end of apt's output; the signal's reason
 */
export async function installPackages(
  packages: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  report: (text: string) => void,
): Promise<void> {
  const installedBefore = await readInstalled(packages, processProbe(environment, signal));
  // The packages would start engines and registries at once, with their default settings (invoke-rc.d(8)).
  const allowServiceStarts = preventServiceStarts();
  try {
    await apt(['update'], environment, signal, report);
    await apt(['install', '--yes', '--no-install-recommends', ...packages], environment, signal, report);
  } finally {
    allowServiceStarts();
  }
  const state = readInstallState();
  const added = packages.filter((name) => !installedBefore.has(name));
  writeInstallState({ ...state, packages: [...new Set([...state.packages, ...added])] });
}

/** Returns which of the packages are already installed. */
async function readInstalled(packages: readonly string[], probe: Probe): Promise<ReadonlySet<string>> {
  const format = '${Package} ${db:Status-Status}\n';
  const { stdout } = await probe(['dpkg-query', '--show', `--showformat=${format}`, ...packages]);
  const rows = stdout.split('\n').map((row) => row.split(' '));
  return new Set(rows.filter(([, status]) => status === 'installed').map(([name]) => name!));
}

async function apt(
  args: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  report: (text: string) => void,
): Promise<void> {
  report(`apt-get ${args.join(' ')}`);
  const lastLines: string[] = [];
  const env = Object.entries(environment).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const { code, problem } = await runProcess({
    argv: ['apt-get', '--quiet', ...args],
    env: { ...Object.fromEntries(env), DEBIAN_FRONTEND: 'noninteractive' },
    signal,
    // dpkg must not be killed while it unpacks a package.
    graceMs: 60_000,
    onLine: (line) => {
      lastLines.push(line);
      if (lastLines.length > 10) lastLines.shift();
    },
  });
  signal.throwIfAborted();
  if (code !== 0)
    throw new TasksError(
      3,
      `apt-get ${args[0]} failed: ${problem ?? `exit code ${code}`}\n${lastLines.join('\n')}`,
    );
}
