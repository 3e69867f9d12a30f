import { type Probe, processProbe } from '../engine/client.ts';
import type { Environment } from '../engine/endpoint.ts';
import { runProcess } from '../engine/process.ts';
import { TasksError } from '../model/errors.ts';
import { readInstallState, writeInstallState } from './install-state.ts';
import { preventServiceStarts } from './service-policy.ts';

/**
 * Installs packages from the Debian archive without starting any service of theirs, and notes which.
 * `say` gets each command as it is run. @throws TasksError exit 3 with apt's last words
 */
export async function installPackages(
  packages: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const before = await installed(packages, processProbe(environment, signal));
  // Engines and registries would start at once, with settings that are not ours (invoke-rc.d(8)).
  const release = preventServiceStarts();
  try {
    await apt(['update'], environment, signal, say);
    await apt(['install', '--yes', '--no-install-recommends', ...packages], environment, signal, say);
  } finally {
    release();
  }
  const note = readInstallState();
  const added = packages.filter((name) => !before.has(name));
  writeInstallState({ ...note, packages: [...new Set([...note.packages, ...added])] });
}

/** Those that are there already, and so are not ours to remove. */
async function installed(packages: readonly string[], probe: Probe): Promise<ReadonlySet<string>> {
  const format = '${Package} ${db:Status-Status}\n';
  const { stdout } = await probe(['dpkg-query', '--show', `--showformat=${format}`, ...packages]);
  const rows = stdout.split('\n').map((row) => row.split(' '));
  return new Set(rows.filter(([, status]) => status === 'installed').map(([name]) => name!));
}

async function apt(
  args: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  say(`apt-get ${args.join(' ')}`);
  const last: string[] = [];
  const env = Object.entries(environment).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const { code, problem } = await runProcess({
    argv: ['apt-get', '--quiet', ...args],
    env: { ...Object.fromEntries(env), DEBIAN_FRONTEND: 'noninteractive' },
    signal,
    // dpkg must not be killed while it unpacks.
    graceMs: 60_000,
    onLine: (line) => {
      last.push(line);
      if (last.length > 10) last.shift();
    },
  });
  signal.throwIfAborted();
  if (code !== 0)
    throw new TasksError(
      3,
      `apt-get ${args[0]} failed: ${problem ?? `exit code ${code}`}\n${last.join('\n')}`,
    );
}
