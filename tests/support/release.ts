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

/** On every image that the projects of this process make. */
export const releaseLabel = `image-tasks.release-test-${process.pid}`;

/** What a release sets, where the project has them all. */
export const releaseTags = ['app:1', 'app:2', 'app:latest', 'tool:latest'];

/** `base`, internal; `app` in two versions on it, with a test and the alias `latest`; `tool` on `app:2`. */
function definitions(project: string): string {
  return `import { image, project } from 'image-tasks';
export default project(${project});
const common = { labels: { '${releaseLabel}': '1' } };
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

/** A folder with the project: what another machine has of it, too. */
export interface Machine {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the program there. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliResult>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): CliProcess;
  /** Writes `NAME.txt` of an image: what that image hangs on. */
  change(name: string, text: string): void;
  /** Another version of `app`. */
  addVersion(version: string): void;
  /** Another folder with the same files and no `.cache`; `withCache`: with that, too. */
  clone(withCache?: boolean): Machine;
}

/** A registry behind a proxy, and how a project names it. */
export interface ReleaseFixture {
  readonly registry: RealRegistry;
  readonly proxy: FaultProxy;
  /** `127.0.0.1:PORT/team`, the proxy's. */
  readonly repo: string;
  /** A machine; `project`: as in its definitions. */
  machine(project?: object): Machine;
  /** Where every tag points, read from the registry's disk: `app:1-kabc…` → `sha256:…`. */
  tags(): Record<string, string>;
  /** The same of all that is neither a content tag nor what stands beside it. */
  releasedTags(): Record<string, string>;
  /** Starts the registry again, after it was stopped. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

let serial = 0;

/** Images of one site share no key with those of another, nor with earlier runs. */
export async function openReleaseFixture(options: RegistryOptions = {}): Promise<ReleaseFixture> {
  let registry = await startRegistry(options);
  const proxy = await startFaultProxy(registry.host);
  const repo = `${proxy.host}/team`;
  const unique = `${process.pid}-${Date.now()}-${++serial}`;
  const site: ReleaseFixture = {
    get registry() {
      return registry;
    },
    proxy,
    repo,
    machine(project = {}) {
      const root = makeProject(definitions(JSON.stringify({ repo, ...project })), files);
      copyFileSync(busybox(), path.join(root, 'base/bin/busybox'));
      const machine = machineAt(root, { DOCKER_CONFIG: logIn(proxy.host, options.auth ? words : undefined) });
      for (const name of ['base', 'app', 'tool']) machine.change(name, unique);
      return machine;
    },
    tags: () => tagsBelow(registry.folder),
    releasedTags() {
      const isKept = /-k[0-9a-f]{12}|^(cache|release-journal):/;
      return Object.fromEntries(Object.entries(site.tags()).filter(([name]) => !isKept.test(name)));
    },
    async restart() {
      registry = await restart(registry);
    },
    async stop() {
      await proxy.stop();
      await registry.stop();
    },
  };
  return site;
}

const words = `${user.username}:${user.password}`;

/** A folder with docker's configuration, logged in to a host with `name:password`, or not. */
export function logIn(host: string, words: string | undefined): string {
  const folder = tempFolder();
  const auths = words === undefined ? {} : { [host]: { auth: Buffer.from(words).toString('base64') } };
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

/** Keeps a registry's contents, to come back to them. */
export function snapshot(registry: RealRegistry): () => void {
  const kept = tempFolder();
  const data = path.join(registry.folder, 'data');
  mkdirSync(data, { recursive: true });
  cpSync(data, kept, { recursive: true });
  return () => {
    rmSync(data, { recursive: true, force: true });
    cpSync(kept, data, { recursive: true });
  };
}
