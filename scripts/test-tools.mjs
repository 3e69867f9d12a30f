// Installs the programs that only tests use: `npm run test:tools`. On Debian, as root, it installs what is missing from Debian's
// archive, starts no services, and prints what it does. Elsewhere it lists what is missing and changes nothing. Tests whose program
// is missing are skipped, and scripts/test.mjs names what is missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const script = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(script), '..');

const isOnPath = (name) =>
  (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
const program =
  (...names) =>
  () =>
    names.every(isOnPath);

/** Debian's packages, what tests use them for, and how tests find them. */
const tools = [
  {
    name: 'bash-completion',
    use: 'completion in bash',
    isThere: () => existsSync('/usr/share/bash-completion/bash_completion'),
  },
  {
    name: 'chromium',
    use: 'the graph page and the documentation site in a browser',
    isThere: () => existsSync(process.env.CHROMIUM || '/usr/bin/chromium'),
  },
  { name: 'curl', use: 'scripts of images that download', isThere: program('curl') },
  {
    name: 'docker-buildx',
    use: 'comparisons with docker build and bake',
    isThere: () => spawnSync('docker', ['buildx', 'version']).status === 0,
    // Debian 12 has no such package: its docker client is older, and builds with BuildKit without it.
    isInDebian: (version) => version !== '12',
  },
  {
    name: 'docker-registry',
    use: 'pushes, releases and pulls',
    isThere: program('docker-registry'),
  },
  { name: 'fish', use: 'completion in fish', isThere: program('fish') },
  { name: 'gnupg', use: 'signatures of downloads', isThere: program('gpg') },
  { name: 'make', use: 'the page on moving from a Makefile', isThere: program('make') },
  {
    name: 'openssh-client',
    use: 'engines behind ssh, builds with ssh',
    isThere: program('ssh', 'ssh-add', 'ssh-agent', 'ssh-keygen'),
  },
  { name: 'openssl', use: 'engines and registries with TLS', isThere: program('openssl') },
  {
    name: 'qemu-user-static',
    use: 'programs for linux/arm64',
    // Debian 12 and 13.
    isThere: () => ['/usr/bin/qemu-aarch64-static', '/usr/bin/qemu-aarch64'].some((file) => existsSync(file)),
  },
  {
    name: 'redis-server',
    use: 'records that machines share',
    isThere: program('redis-server', 'redis-cli'),
  },
  { name: 'shellcheck', use: 'shell scripts of this repository', isThere: program('shellcheck') },
  { name: 'zsh', use: 'completion in zsh', isThere: program('zsh') },
];

/** Returns the version of Debian, such as `12`; undefined on another system. */
function debianVersion() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const value = (name) => new RegExp(`^${name}=["']?([^"'\n]*)`, 'm').exec(text)?.[1];
  return value('ID') === 'debian' ? (value('VERSION_ID') ?? '') : undefined;
}

/** Tools that this system can have. */
const known = tools.filter(({ isInDebian = () => true }) => isInDebian(debianVersion()));

/** Returns the names of Debian's packages with programs that are missing on this machine. */
export function missingTools() {
  return known.filter(({ isThere }) => !isThere()).map(({ name }) => name);
}

/** Installs packages as `tasks doctor --fix` does: without starting services, and known to `tasks doctor --stop`. */
async function install(packages) {
  const folder = mkdtempSync(path.join(root, 'node_modules/.test-tools-'));
  try {
    const outfile = path.join(folder, 'install.mjs');
    await build({
      entryPoints: [path.join(root, 'src/doctor/install.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
    const { installPackages } = await import(pathToFileURL(outfile).href);
    const { signal } = new AbortController();
    await installPackages(packages, process.env, signal, (command) => console.log(`running: ${command}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const missing = missingTools();
  if (missing.length === 0) return console.log(`all ${known.length} tools of the tests are installed`);
  console.log(`${missing.length} of ${known.length} tools of the tests are missing:`);
  for (const { name, use } of known) if (missing.includes(name)) console.log(`  ${name.padEnd(16)} ${use}`);
  const isDebian = debianVersion() !== undefined;
  if (!isDebian || process.getuid() !== 0) {
    const reason = isDebian ? 'only root can install packages' : 'this system is not Debian';
    console.log(`nothing is installed, because ${reason}. Tests that need these tools are skipped.`);
    if (isDebian) console.log(`as root: apt-get install ${missing.join(' ')}`);
    return;
  }
  await install(missing);
  const still = missingTools();
  if (still.length > 0)
    throw new Error(`apt-get succeeded, but these are still missing: ${still.join(', ')}`);
  console.log(`installed: ${missing.join(', ')}; no service was started`);
  console.log('`npx tasks doctor --stop` prints how to remove them');
}

if (process.argv[1] === script) {
  try {
    await main();
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
