// The same tasks for make, ninja, turbo, nx, wireit, lage and moon. Tools from npm are installed at pinned versions on first use,
// outside of the repository.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const versions = {
  turbo: '2.11.11',
  nx: '20.8.4',
  wireit: '0.14.13',
  lage: '2.17.0',
  '@moonrepo/cli': '2.5.5',
};

/** Installs the tools from npm. Returns the folder of their programs. */
export function installPeers() {
  const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
  const folder = path.join(cache, 'image-tasks-bench');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: versions }));
  const isThere = Object.keys(versions).every((name) => existsSync(path.join(folder, 'node_modules', name)));
  if (!isThere)
    execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  return path.join(folder, 'node_modules');
}

/** Writes the files of make and ninja into the workspace. */
export function prepareMake(root, tasks) {
  const rules = tasks.map(({ name, version, folder, needs }) => ({
    out: `.out/${name}-${version}`,
    inputs: [
      ...readdirSync(path.join(root, folder)).map((file) => `${folder}/${file}`),
      ...needs.map((need) => `.out/${need.replace(':', '-')}`),
    ],
  }));
  mkdirSync(path.join(root, '.out'), { recursive: true });
  const all = rules.map(({ out }) => out).join(' ');
  writeFileSync(
    path.join(root, 'Makefile'),
    `all: ${all}\n${rules.map(({ out, inputs }) => `${out}: ${inputs.join(' ')}\n\t@touch $@\n`).join('')}`,
  );
  writeFileSync(
    path.join(root, 'build.ninja'),
    `rule touch\n  command = touch $out\n${rules.map(({ out, inputs }) => `build ${out}.n: touch ${inputs.map((each) => (each.startsWith('.out/') ? `${each}.n` : each)).join(' ')}\n`).join('')}`,
  );
  return [
    { name: 'make', argv: ['make', '-s'], cwd: root },
    { name: 'ninja', argv: ['ninja', '--quiet'], cwd: root },
  ];
}

/** Makes a workspace with one package per task, with the same files. Returns the command of each tool. */
export function preparePackages(root, tasks, modules, copyFiles) {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(path.join(root, 'packages'), { recursive: true });
  const nameOf = (id) => id.replace(':', '-');
  for (const task of tasks) {
    const name = `${task.name}-${task.version}`;
    const folder = path.join(root, 'packages', name);
    copyFiles(task, folder);
    writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({
        name,
        version: '1.0.0',
        scripts: { build: 'true', wired: 'wireit' },
        wireit: {
          wired: {
            command: 'true',
            files: ['*.txt', 'Dockerfile'],
            output: [],
            dependencies: task.needs.map((need) => `../${nameOf(need)}:wired`),
          },
        },
        dependencies: Object.fromEntries(task.needs.map((need) => [nameOf(need), '1.0.0'])),
      }),
    );
    writeFileSync(
      path.join(folder, 'moon.yml'),
      `${task.needs.length > 0 ? `dependsOn: [${task.needs.map(nameOf).join(', ')}]\n` : ''}tasks:\n  build:\n    command: 'true'\n    inputs: ['*.txt', 'Dockerfile']\n    deps: ['^:build']\n`,
    );
  }
  const names = tasks.map((task) => `${task.name}-${task.version}`);
  const write = (file, text) => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), typeof text === 'string' ? text : JSON.stringify(text));
  };
  write('package.json', {
    name: 'bench',
    private: true,
    packageManager: 'npm@11.0.0',
    workspaces: ['packages/*'],
    scripts: { wired: 'wireit' },
    wireit: { wired: { dependencies: names.map((name) => `./packages/${name}:wired`) } },
  });
  const links = Object.fromEntries(
    names.flatMap((name) => [
      [`node_modules/${name}`, { resolved: `packages/${name}`, link: true }],
      [`packages/${name}`, { name, version: '1.0.0' }],
    ]),
  );
  write('package-lock.json', {
    name: 'bench',
    lockfileVersion: 3,
    packages: { '': { name: 'bench', workspaces: ['packages/*'] }, ...links },
  });
  write('turbo.json', { tasks: { build: { dependsOn: ['^build'], outputs: [] } } });
  write('nx.json', {
    targetDefaults: { build: { dependsOn: ['^build'], cache: true, outputs: [] } },
    analytics: false,
  });
  write(
    'lage.config.js',
    "module.exports = { npmClient: 'npm', pipeline: { build: ['^build'] }, cacheOptions: { outputGlob: [] } };\n",
  );
  write('.moon/workspace.yml', "projects: ['packages/*']\n");
  write('.gitignore', 'node_modules\n.turbo\n.nx\n.moon/cache\n.wireit\n');
  symlinkSync(modules, path.join(root, 'node_modules'));
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['-c', 'user.name=b', '-c', 'user.email=b@example.org', 'commit', '-qm', 'bench'],
  ])
    execFileSync('git', args, { cwd: root });
  const bin = (name) => path.join(modules, '.bin', name);
  return [
    {
      name: 'turbo',
      argv: [bin('turbo'), 'run', 'build', '--no-daemon', '--output-logs=none'],
      env: { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    },
    {
      name: 'nx',
      argv: [bin('nx'), 'run-many', '-t', 'build', '--outputStyle=static'],
      env: { NX_DAEMON: 'false', NX_NO_CLOUD: 'true' },
    },
    { name: 'wireit', argv: ['npm', 'run', '-s', 'wired'], env: { WIREIT_LOGGER: 'quiet' } },
    { name: 'lage', argv: [bin('lage'), 'build'] },
    { name: 'moon', argv: [bin('moon'), 'run', ':build'], env: { MOON_TELEMETRY: 'false' } },
  ].map((each) => ({ ...each, cwd: root }));
}
