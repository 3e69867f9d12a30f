// Runs a command with a private docker engine: `node scripts/with-engine.mjs [--store=graph] [--installed] -- COMMAND…`.
// Needs root on Debian 12 or 13. Engine and client come from Debian 13's packages, which are unpacked but not installed;
// `--installed` uses this machine's programs instead. Images are kept in the containerd image store, as in new installations
// of docker 29; `--store=graph` uses the classic store. Engine and command run in their own network, mount and process
// namespaces: they do not affect the machine's engine, all processes end with the command, and the only network is loopback.
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const script = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(script), '..');
const packages = ['docker.io', 'docker-cli', 'docker-buildx', 'containerd', 'busybox-static'];
const suite = 'trixie';
const cache = path.join(root, 'node_modules/.cache');
const unpacked = path.join(cache, 'debian-docker');
/** Where tests/support/busybox.ts looks: inside the namespaces there is no network to download it. */
const busybox = path.join(cache, 'busybox/busybox');

const { values: flags, positionals: command } = parseArgs({
  options: {
    store: { type: 'string', default: 'containerd' },
    installed: { type: 'boolean', default: false },
    /** Internal: the engine's folder. Set for the script's second run, inside the namespaces. */
    inside: { type: 'string' },
  },
  allowPositionals: true,
});

function run(argv, options = {}) {
  const [file, ...args] = argv;
  const result = spawnSync(file, args, { encoding: 'utf8', ...options });
  if (result.status !== 0)
    throw new Error(
      `${argv.join(' ')} failed: ${result.error?.message ?? result.stderr ?? `exit code ${result.status}`}`,
    );
  return result.stdout;
}

/** Returns the URL of the Debian archive that this machine's apt uses. */
function archiveUrl() {
  const format = '$(SITE) $(ORIGIN) $(LABEL) $(COMPONENT)';
  const rows = run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']).split('\n');
  const found = rows
    .map((row) => row.split(' '))
    .find((row) => row.slice(1).join(' ') === 'Debian Debian main');
  if (found === undefined) throw new Error('apt has no Debian archive: run `apt-get update`');
  return found[0];
}

/** Downloads and unpacks the packages once. apt gets a separate configuration: the machine's own sources stay unchanged. */
function unpackDocker() {
  if (existsSync(unpacked)) return;
  const part = `${unpacked}.${process.pid}`;
  mkdirSync(path.join(part, 'lists/partial'), { recursive: true });
  try {
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    writeFileSync(
      path.join(part, 'sources.list'),
      `deb [signed-by=${keyring}] ${archiveUrl()} ${suite} main\n`,
    );
    const options = [
      `Dir::Etc::sourcelist=${part}/sources.list`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::lists=${part}/lists`,
      `Dir::Cache=${part}`,
      'Acquire::Languages=none',
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    run(['apt-get', ...options, '--quiet', 'update'], { cwd: part });
    run(['apt-get', ...options, '--quiet', 'download', ...packages], { cwd: part });
    const names = readdirSync(part).filter((name) => name.endsWith('.deb'));
    for (const name of names) run(['dpkg-deb', '--extract', name, 'root'], { cwd: part });
    mkdirSync(path.dirname(busybox), { recursive: true });
    const found = ['bin/busybox', 'usr/bin/busybox']
      .map((name) => path.join(part, 'root', name))
      .find((file) => existsSync(file));
    copyFileSync(found, busybox);
    renameSync(path.join(part, 'root'), unpacked);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Runs this script again in new namespaces, and returns its exit code. */
function runInNamespaces() {
  if (process.getuid?.() !== 0) throw new Error('only root can start an engine');
  if (command.length === 0) throw new Error('usage: with-engine.mjs [--store=graph] -- COMMAND…');
  if (!['containerd', 'graph'].includes(flags.store)) throw new Error('--store must be containerd or graph');
  unpackDocker();
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-engine-'));
  try {
    const namespaces = ['--net', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
    const options = [`--store=${flags.store}`, ...(flags.installed ? ['--installed'] : [])];
    const argv = [process.execPath, script, ...options, `--inside=${folder}`, '--', ...command];
    return spawnSync('unshare', [...namespaces, ...argv], { stdio: 'inherit' }).status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isResponding(socketPath) {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path: '/_ping', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}

/** Where the engine's programs are looked for. runc is the machine's; containerd is unpacked, since Debian 12's is too old. */
function enginePath() {
  const unpackedPath = flags.installed ? '' : `${unpacked}/usr/bin:${unpacked}/usr/sbin:`;
  return `${unpackedPath}${process.env.PATH}:/usr/sbin:/sbin`;
}

async function startEngine(folder) {
  run(['ip', 'link', 'set', 'lo', 'up']);
  const config = path.join(folder, 'daemon.json');
  const isContainerd = flags.store === 'containerd';
  writeFileSync(config, JSON.stringify({ features: { 'containerd-snapshotter': isContainerd } }));
  const folders = ['data-root', 'exec-root', 'pidfile'].map((name) => `--${name}=${folder}/${name}`);
  const socket = path.join(folder, 's');
  const log = path.join(folder, 'log');
  const output = openSync(log, 'a');
  const args = [
    ...folders,
    `--config-file=${config}`,
    '--iptables=false',
    '--ip6tables=false',
    `--host=unix://${socket}`,
  ];
  const engine = spawn('dockerd', args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, PATH: enginePath() },
  });
  let problem;
  engine.on('error', (error) => (problem = error.message));
  while (!(await isResponding(socket))) {
    if (problem !== undefined) throw new Error(`cannot start dockerd: ${problem}`);
    if (engine.exitCode !== null || engine.signalCode !== null)
      throw new Error(`dockerd ended:\n${readFileSync(log, 'utf8').slice(-3000)}`);
    await delay(50);
  }
  return { engine, socket };
}

/** Creates a folder with the docker client, and a configuration folder for it with the buildx plugin. */
function createClientConfig(folder) {
  mkdirSync(path.join(folder, 'bin'));
  symlinkSync(path.join(unpacked, 'usr/bin/docker'), path.join(folder, 'bin/docker'));
  const config = path.join(folder, 'config');
  mkdirSync(path.join(config, 'cli-plugins'), { recursive: true });
  const plugin = ['usr/libexec', 'usr/lib']
    .map((parent) => path.join(unpacked, parent, 'docker/cli-plugins/docker-buildx'))
    .find((file) => existsSync(file));
  symlinkSync(plugin, path.join(config, 'cli-plugins/docker-buildx'));
  writeFileSync(path.join(config, 'config.json'), '{}');
  return config;
}

/** Starts the engine, runs the command, stops the engine, and returns the command's exit code. */
async function runWithEngine(folder) {
  const { engine, socket } = await startEngine(folder);
  const unpackedClient = {
    DOCKER_CONFIG: createClientConfig(folder),
    // Only the client, for tests that compare with it.
    PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
  };
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
    TASKS_TEST_ENGINE_PATH: enginePath(),
    TASKS_TEST_ENGINE_STORE: flags.store,
    ...(flags.installed ? {} : unpackedClient),
  };
  const [file, ...args] = command;
  const child = spawn(file, args, { stdio: 'inherit', env });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.on('close', (status) => resolve(status ?? 1));
  });
  const exited = new Promise((resolve) => engine.once('exit', resolve));
  engine.kill('SIGTERM');
  await exited;
  return code;
}

try {
  process.exitCode = flags.inside === undefined ? runInNamespaces() : await runWithEngine(flags.inside);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
