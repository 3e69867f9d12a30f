import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { busybox } from './busybox.ts';
import { type CliOptions, type CliProcess, type CliResult, makeProject, runCli, startCli } from './cli.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type RealRegistry, type RegistryOptions, restart, startRegistry, user } from './registry.ts';
import { tempFolder, writeFiles } from './temp.ts';

/** A label on every image that the projects of this process build. */
export const releaseLabel = `image-tasks.release-test-${process.pid}`;

/**
 * Two platforms whose programs this machine runs without an emulator: its own, and that of its 32-bit programs. Their images have
 * the same files, whatever the platform says.
 */
export const [ownPlatform, otherPlatform] =
  process.arch === 'arm64'
    ? (['linux/arm64', 'linux/arm/v7'] as const)
    : (['linux/amd64', 'linux/386'] as const);
export const twoPlatforms: readonly string[] = [ownPlatform, otherPlatform];

/** The tags that a release sets if the project defines all images. */
export const releaseTags = ['app:1', 'app:2', 'app:latest', 'tool:latest'];

/** `base` is internal; `app` needs it, in two versions, with a test and the alias `latest`; `tool` needs `app:2`. */
function definitions(project: string, platforms: readonly string[] | undefined): string {
  const more = platforms === undefined ? '' : `, platforms: ${JSON.stringify(platforms)}`;
  return `import { image, project } from 'image-tasks';
export default project(${project});
const common = { labels: { '${releaseLabel}': '1' }${more} };
export const base = image({ ...common, name: 'base', context: 'base', publish: false });
export const app = image({
  ...common,
  name: 'app',
  versions: ['1', '2'],
  context: 'app',
  args: (V) => ({ V }),
  needs: { BASE: base },
  aliases: () => ['latest'],
  test: 'test.sh',
});
export const tool = image({ ...common, name: 'tool', context: 'tool', needs: { APP: app.at('2') } });
`;
}

const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY . /\n',
  'base/bin/sh': { link: 'busybox' },
  'app/Dockerfile': 'ARG BASE\nFROM $BASE\nARG V\nCOPY app.txt /app-$V\n',
  'tool/Dockerfile': 'ARG APP\nFROM $APP\nCOPY tool.txt /\n',
  'test.sh': '#!/bin/sh\necho "version $TASKS_VERSION"\n[ -e "/app-$TASKS_VERSION" ]\n',
};

/** A machine's copy of the project. */
export interface Machine {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `tasks` in it. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliResult>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): CliProcess;
  /** Writes `NAME.txt`, an input of the image. */
  change(name: string, text: string): void;
  /** Adds a version of `app`. */
  addVersion(version: string): void;
  /** Gives all images these platforms. */
  setPlatforms(platforms: readonly string[]): void;
  /** Returns another machine with the same files. `withCache`: true to copy `.cache` too. */
  clone(withCache?: boolean): Machine;
}

/** A registry behind a proxy, for projects that release to it. */
export interface ReleaseFixture {
  readonly registry: RealRegistry;
  readonly proxy: FaultProxy;
  /** Where to push, through the proxy: `127.0.0.1:PORT/team`. */
  readonly repo: string;
  /** Returns a new machine. `project`: the fields of `project()` in its definitions. */
  machine(project?: object): Machine;
  /** Returns where each tag points, read from the registry's disk: `app:1-kabc…` → `sha256:…`. */
  tags(): Record<string, string>;
  /** The same without content tags, passes and the journal. */
  releasedTags(): Record<string, string>;
  /** Starts the registry again after it was stopped. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

let serial = 0;

export interface FixtureOptions extends RegistryOptions {
  /** The platforms of all images, such as `twoPlatforms`. */
  readonly platforms?: readonly string[];
}

/** Opens a fixture. Its images share no keys with other fixtures or earlier runs. */
export async function openReleaseFixture(options: FixtureOptions = {}): Promise<ReleaseFixture> {
  let registry = await startRegistry(options);
  const proxy = await startFaultProxy(registry.host);
  const repo = `${proxy.host}/team`;
  const unique = `${process.pid}-${Date.now()}-${++serial}`;
  const fixture: ReleaseFixture = {
    get registry() {
      return registry;
    },
    proxy,
    repo,
    machine(project = {}) {
      const root = makeProject(definitions(JSON.stringify({ repo, ...project }), options.platforms), files);
      copyFileSync(busybox(), path.join(root, 'base/bin/busybox'));
      const machine = machineAt(root, { DOCKER_CONFIG: logIn(proxy.host, options.auth ? login : undefined) });
      for (const name of ['base', 'app', 'tool']) machine.change(name, unique);
      return machine;
    },
    tags: () => tagsBelow(registry.folder),
    releasedTags() {
      const isInternal = /-k[0-9a-f]{12}|^(cache|release-journal):/;
      return Object.fromEntries(Object.entries(fixture.tags()).filter(([name]) => !isInternal.test(name)));
    },
    async restart() {
      registry = await restart(registry);
    },
    async stop() {
      await proxy.stop();
      await registry.stop();
    },
  };
  return fixture;
}

const login = `${user.username}:${user.password}`;

/** Returns a docker configuration folder. `login`: `name:password` for the host; undefined for no credentials. */
export function logIn(host: string, login: string | undefined): string {
  const folder = tempFolder();
  const auths = login === undefined ? {} : { [host]: { auth: Buffer.from(login).toString('base64') } };
  writeFiles(folder, { 'config.json': JSON.stringify({ auths }) });
  return folder;
}

function machineAt(root: string, env: Readonly<Record<string, string>>): Machine {
  const options = (more: Readonly<Record<string, string>> = {}): CliOptions => ({
    cwd: root,
    env: { ...env, ...more },
  });
  return {
    root,
    env,
    run: (args, more) => runCli(args, options(more)),
    start: (args, more) => startCli(args, options(more)),
    change: (name, text) => writeFiles(root, { [`${name}/${name}.txt`]: text }),
    addVersion(version) {
      const file = path.join(root, 'tasks/images.ts');
      writeFileSync(file, readFileSync(file, 'utf8').replace("'2'],", `'2', '${version}'],`));
    },
    setPlatforms(platforms) {
      const file = path.join(root, 'tasks/images.ts');
      const text = readFileSync(file, 'utf8').replace(/, platforms: \[[^\]]*\]/, '');
      writeFileSync(
        file,
        text.replace(/(const common = .*?) };/, `$1, platforms: ${JSON.stringify(platforms)} };`),
      );
    },
    clone(withCache = false) {
      const copy = tempFolder();
      rmSync(copy, { recursive: true });
      const filter = (file: string): boolean => withCache || path.basename(file) !== '.cache';
      cpSync(root, copy, { recursive: true, verbatimSymlinks: true, filter });
      return machineAt(copy, env);
    },
  };
}

function tagsBelow(folder: string): Record<string, string> {
  const top = path.join(folder, 'data/docker/registry/v2/repositories/team');
  const found: Record<string, string> = {};
  if (!existsSync(top)) return found;
  for (const name of readdirSync(top).sort()) {
    const tags = path.join(top, name, '_manifests/tags');
    if (!existsSync(tags)) continue;
    for (const tag of readdirSync(tags).sort()) {
      const link = path.join(tags, tag, 'current/link');
      if (existsSync(link)) found[`${name}:${tag}`] = readFileSync(link, 'utf8');
    }
  }
  return found;
}

/** Saves a registry's contents. Returns a function that restores them. */
export function snapshot(registry: RealRegistry): () => void {
  const saved = tempFolder();
  const data = path.join(registry.folder, 'data');
  mkdirSync(data, { recursive: true });
  cpSync(data, saved, { recursive: true });
  return () => {
    rmSync(data, { recursive: true, force: true });
    cpSync(saved, data, { recursive: true });
  };
}

interface WrittenRelease {
  readonly git: { readonly commit: string; readonly dirty: boolean };
  readonly images: readonly object[];
}

/** Reads the release files in a project's `.cache`, the newest first. */
export function releaseFilesIn(root: string): WrittenRelease[] {
  const folder = path.join(root, '.cache/releases');
  const files = readdirSync(folder).sort().reverse();
  return files.map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as WrittenRelease);
}
