import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineApi } from '../../src/engine/api.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { readEngineVersion } from '../../src/engine/queries.ts';

const program = '/usr/sbin/dockerd';

/** Why a private engine cannot be started on this machine; undefined if it can. */
export const privateEngineUnavailable = !existsSync(program)
  ? `there is no ${program}`
  : process.getuid?.() !== 0
    ? 'only root can start an engine'
    : spawnSync('unshare', ['--net', 'true']).status !== 0
      ? 'unshare cannot create a network namespace'
      : undefined;

/** A docker engine for one test, with its own folders and socket and without a network. The test may kill it. */
export interface PrivateEngine {
  readonly api: EngineApi;
  readonly env: Readonly<Record<string, string>>;
  /** Starts or restarts it, and waits until it responds. */
  start(): Promise<void>;
  /** Kills it with SIGKILL, and waits until it has ended. */
  kill(): Promise<void>;
  /** Stops it and removes its processes, mounts and files. */
  close(): Promise<void>;
}

/** Creates a private engine without starting it. */
export function createPrivateEngine(): PrivateEngine {
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-engine-'));
  const env = { DOCKER_HOST: `unix://${folder}/s` };
  const api = connect(resolveEndpoint(env), env);
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child!.once('exit', resolve));
    child.kill(signal);
    await exited;
  };
  return {
    api,
    env,
    async start() {
      const log = openSync(path.join(folder, 'log'), 'a');
      const folders = ['data-root', 'exec-root', 'pidfile'].map((name) => `--${name}=${folder}/${name}`);
      const flags = ['--iptables=false', '--ip6tables=false', '--bridge=none', `--host=${env.DOCKER_HOST}`];
      // A network namespace, because `--bridge=none` removes docker0, which the machine's engine may use.
      child = spawn('unshare', ['--net', program, ...folders, ...flags], { stdio: ['ignore', log, log] });
      while (!(await isResponding(api))) {
        if (child.exitCode !== null)
          throw new Error(`dockerd ended:\n${readFileSync(path.join(folder, 'log'), 'utf8').slice(-2000)}`);
        await delay(50);
      }
    },
    async kill() {
      await end('SIGKILL');
      // Its containerd is killed too. While a process has that pid, the next engine would wait for the old socket.
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

async function isResponding(api: EngineApi): Promise<boolean> {
  try {
    await readEngineVersion(api);
    return true;
  } catch {
    return false;
  }
}

/** Kills the container processes of a killed engine: those in another mount namespace whose root is in the folder. */
function killLeftovers(folder: string): void {
  const ownNamespace = readlinkSync('/proc/self/ns/mnt');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const root = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n')[0] ?? '';
      if (readlinkSync(`/proc/${pid}/ns/mnt`) !== ownNamespace && root.includes(`${folder}/`))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // The process has ended.
    }
  }
}

/** Returns the mount points in a folder, innermost first. */
function mountsBelow(folder: string): string[] {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  return mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`))
    .sort()
    .reverse();
}
