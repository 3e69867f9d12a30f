import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineApi, readEngineVersion } from '../../src/engine/api.ts';
import { dialWithClient } from '../../src/engine/dial.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';

const program = '/usr/sbin/dockerd';

/** Why no engine of its own can be started here; undefined: it can. */
export const privateEngineUnavailable = !existsSync(program)
  ? `there is no ${program}`
  : process.getuid?.() !== 0
    ? 'only root can start an engine'
    : spawnSync('unshare', ['--net', 'true']).status !== 0
      ? 'it could have no network of its own'
      : undefined;

/** A docker engine of a test's own, with its own folders and socket, that may be killed. It has no network. */
export interface PrivateEngine {
  readonly api: EngineApi;
  readonly env: Readonly<Record<string, string>>;
  /** Starts it (again), and waits until it answers. */
  start(): Promise<void>;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** Ends it and removes all that it left. */
  close(): Promise<void>;
}

/** A new one; it is not running yet. */
export function createPrivateEngine(): PrivateEngine {
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-engine-'));
  const env = { DOCKER_HOST: `unix://${folder}/s` };
  const api = connect(resolveEndpoint(env), dialWithClient(env));
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child!.once('exit', resolve));
    child.kill(signal);
    await gone;
  };
  return {
    api,
    env,
    async start() {
      const log = openSync(path.join(folder, 'log'), 'a');
      const own = ['data-root', 'exec-root', 'pidfile'].map((name) => `--${name}=${folder}/${name}`);
      const flags = ['--iptables=false', '--ip6tables=false', '--bridge=none', `--host=${env.DOCKER_HOST}`];
      // In a network of its own: `--bridge=none` takes the bridge docker0 away, the machine's own engine's too.
      child = spawn('unshare', ['--net', program, ...own, ...flags], { stdio: ['ignore', log, log] });
      while (!(await answers(api))) {
        if (child.exitCode !== null)
          throw new Error(`dockerd ended:\n${readFileSync(path.join(folder, 'log'), 'utf8').slice(-2000)}`);
        await delay(50);
      }
    },
    async kill() {
      await end('SIGKILL');
      // Its containerd dies with it. A next engine would wait for that one's socket as long as its number is not given free.
      const file = path.join(folder, 'exec-root/containerd/containerd.pid');
      const pid = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
      while (pid !== '' && existsSync(`/proc/${pid}/exe`)) await delay(20);
      rmSync(file, { force: true });
    },
    async close() {
      await end('SIGTERM');
      killLeftovers(folder);
      for (const mount of mountsBelow(folder)) spawnSync('umount', ['--lazy', mount]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(api: EngineApi): Promise<boolean> {
  try {
    await readEngineVersion(api);
    return true;
  } catch {
    // Not yet.
    return false;
  }
}

/** What a killed engine ran goes on: processes in another mount namespace, whose root is below the folder. */
function killLeftovers(folder: string): void {
  const own = readlinkSync('/proc/self/ns/mnt');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const root = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n')[0] ?? '';
      if (readlinkSync(`/proc/${pid}/ns/mnt`) !== own && root.includes(`${folder}/`))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Ended meanwhile.
    }
  }
}

function mountsBelow(folder: string): string[] {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  return mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`))
    .sort()
    .reverse();
}
