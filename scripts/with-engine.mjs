// Runs a command with a docker engine of its own: `node scripts/with-engine.mjs [--store=graph] [--installed] -- COMMAND…`. The
// engine and its client are Debian 13's, unpacked and not installed, on Debian 12 or 13, as root; `--installed` has this machine's own
// instead. By default images live in containerd's store, as in fresh installations of docker 29; `--store=graph` has docker's own. Engine and command share a network, a mount
// and a process namespace of their own: the machine's engine never meets them, and all of it ends with the command.
// They have no network but loopback.
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
/** Where tests look for what their images run (tests/support/busybox.ts): inside there is no network to fetch it from. */
const busybox = path.join(cache, 'busybox/busybox');

const { values: flags, positionals: command } = parseArgs({
  options: {
    store: { type: 'string', default: 'containerd' },
    installed: { type: 'boolean', default: false },
    /** The engine's folder: this process is the first of the namespaces. */
    inside: { type: 'string' },
  },
  allowPositionals: true,
});

function run(argv, options = {}) {
  const [file, ...args] = argv;
  const ran = spawnSync(file, args, { encoding: 'utf8', ...options });
  if (ran.status !== 0)
    throw new Error(
      `${argv.join(' ')} failed: ${ran.error?.message ?? ran.stderr ?? `exit code ${ran.status}`}`,
    );
  return ran.stdout;
}

/** The Debian archive that this machine's apt uses. */
function archive() {
  const format = '$(SITE) $(ORIGIN) $(LABEL) $(COMPONENT)';
  const rows = run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']).split('\n');
  const found = rows
    .map((row) => row.split(' '))
    .find((row) => row.slice(1).join(' ') === 'Debian Debian main');
  if (found === undefined) throw new Error('apt knows no Debian archive: run `apt-get update`');
  return found[0];
}

/** Unpacks the packages once. apt gets a configuration of its own, so that this machine never installs from that suite. */
function unpackDocker() {
  if (existsSync(unpacked)) return;
  const part = `${unpacked}.${process.pid}`;
  mkdirSync(path.join(part, 'lists/partial'), { recursive: true });
  try {
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    writeFileSync(path.join(part, 'sources.list'), `deb [signed-by=${keyring}] ${archive()} ${suite} main\n`);
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

/** Starts this script once more, as the first process of namespaces of its own. */
function enter() {
  if (process.getuid?.() !== 0) throw new Error('only root can start an engine');
  if (command.length === 0) throw new Error('usage: with-engine.mjs [--store=graph] -- COMMAND…');
  if (!['containerd', 'graph'].includes(flags.store)) throw new Error('--store is containerd or graph');
  unpackDocker();
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-engine-'));
  try {
    const namespaces = ['--net', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
    const kind = [`--store=${flags.store}`, ...(flags.installed ? ['--installed'] : [])];
    const own = [process.execPath, script, ...kind, `--inside=${folder}`, '--', ...command];
    const ran = spawnSync('unshare', [...namespaces, ...own], { stdio: 'inherit' });
    return ran.status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function answers(socketPath) {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path: '/_ping', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}

async function startEngine(folder) {
  run(['ip', 'link', 'set', 'lo', 'up']);
  const config = path.join(folder, 'daemon.json');
  const isContainerd = flags.store === 'containerd';
  writeFileSync(config, JSON.stringify({ features: { 'containerd-snapshotter': isContainerd } }));
  const places = ['data-root', 'exec-root', 'pidfile'].map((name) => `--${name}=${folder}/${name}`);
  const socket = path.join(folder, 's');
  const log = path.join(folder, 'log');
  const output = openSync(log, 'a');
  // Debian 12 has no other runc, and a newer containerd than its own comes from the packages.
  const own = flags.installed ? '' : `${unpacked}/usr/bin:${unpacked}/usr/sbin:`;
  const PATH = `${own}${process.env.PATH}:/usr/sbin:/sbin`;
  const args = [
    ...places,
    `--config-file=${config}`,
    '--iptables=false',
    '--ip6tables=false',
    `--host=unix://${socket}`,
  ];
  const engine = spawn('dockerd', args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, PATH },
  });
  let problem;
  engine.on('error', (error) => (problem = error.message));
  while (!(await answers(socket))) {
    if (problem !== undefined) throw new Error(`dockerd cannot be started: ${problem}`);
    if (engine.exitCode !== null || engine.signalCode !== null)
      throw new Error(`dockerd ended:\n${readFileSync(log, 'utf8').slice(-3000)}`);
    await delay(50);
  }
  return { engine, socket };
}

/** A configuration of the docker client that has the buildx plug-in. */
function clientConfig(folder) {
  const config = path.join(folder, 'config');
  mkdirSync(path.join(config, 'cli-plugins'), { recursive: true });
  const plugin = ['usr/libexec', 'usr/lib']
    .map((place) => path.join(unpacked, place, 'docker/cli-plugins/docker-buildx'))
    .find((file) => existsSync(file));
  symlinkSync(plugin, path.join(config, 'cli-plugins/docker-buildx'));
  writeFileSync(path.join(config, 'config.json'), '{}');
  return config;
}

async function runInside(folder) {
  const { engine, socket } = await startEngine(folder);
  const unpackedClient = {
    DOCKER_CONFIG: clientConfig(folder),
    TASKS_DOCKER: path.join(unpacked, 'usr/bin/docker'),
  };
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
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
  const ended = new Promise((resolve) => engine.once('exit', resolve));
  engine.kill('SIGTERM');
  await ended;
  return code;
}

try {
  process.exitCode = flags.inside === undefined ? enter() : await runInside(flags.inside);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
