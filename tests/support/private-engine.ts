import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineApi } from '../../src/engine/api.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { readEngineVersion } from '../../src/engine/queries.ts';

/** Where the engine's programs are looked for. Set by scripts/with-engine.mjs, for private engines of the same version. */
const searchPath = process.env.TASKS_TEST_ENGINE_PATH ?? `${process.env.PATH}:/usr/sbin:/sbin`;
const program = searchPath
  .split(path.delimiter)
  .map((folder) => path.join(folder, 'dockerd'))
  .find((file) => existsSync(file));

/** Why a private engine cannot be started on this machine; undefined if it can. */
export const privateEngineUnavailable =
  program === undefined
    ? 'there is no dockerd'
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
  /** Stops its process with SIGSTOP: connections stay open, and nothing comes any more. */
  freeze(): void;
  /** Stops it and removes its processes, mounts and files. */
  close(): Promise<void>;
}

/** The image store of the engine of this test run. Older engines than docker 24 only have their own store, `graph`. */
export type ImageStore = 'graph' | 'containerd';
const testedStore = (process.env.TASKS_TEST_ENGINE_STORE ?? 'graph') as ImageStore;

export interface PrivateEngineOptions {
  /** The default is the store of the engine that tests use. */
  readonly store?: ImageStore;
  /** True: it shares the network of the tests, so that it reaches their registries, and adds a bridge of its own. */
  readonly sharesNetwork?: boolean;
  /** The size of its disk, as for tmpfs: `16m`. */
  readonly diskSize?: string;
}

/** Creates a private engine without starting it. */
export function createPrivateEngine({
  store = testedStore,
  sharesNetwork = false,
  diskSize,
}: PrivateEngineOptions = {}): PrivateEngine {
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-engine-'));
  if (diskSize !== undefined) {
    mkdirSync(path.join(folder, 'data-root'));
    const argv = ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'tmpfs', path.join(folder, 'data-root')];
    execFileSync('mount', argv);
  }
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
      const config = path.join(folder, 'daemon.json');
      const features = store === 'containerd' ? { 'containerd-snapshotter': true } : {};
      writeFileSync(config, JSON.stringify({ features }));
      const flags = [
        '--iptables=false',
        '--ip6tables=false',
        `--config-file=${config}`,
        `--host=${env.DOCKER_HOST}`,
      ];
      // Not `--bridge=none`: it breaks RUN on the containerd store, and removes the docker0 of another engine.
      const argv = sharesNetwork ? [program!, `--bridge=${addBridge()}`] : ['unshare', '--net', program!];
      child = spawn(argv[0]!, [...argv.slice(1), ...folders, ...flags], {
        stdio: ['ignore', log, log],
        env: { ...process.env, PATH: searchPath },
      });
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
    freeze: () => void child!.kill('SIGSTOP'),
    async close() {
      // A frozen process does not see SIGTERM.
      child?.kill('SIGCONT');
      await end('SIGTERM');
      killLeftovers(folder);
      for (const mount of mountsBelow(folder)) spawnSync('umount', ['--lazy', mount]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let bridges = 0;

/** Adds a network bridge, and returns its name. */
function addBridge(): string {
  const name = `tasks${process.pid}-${++bridges}`;
  const ip = (...args: string[]): unknown => execFileSync('ip', args);
  ip('link', 'add', name, 'type', 'bridge');
  ip('address', 'add', `10.231.${bridges}.1/24`, 'dev', name);
  ip('link', 'set', name, 'up');
  return name;
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
