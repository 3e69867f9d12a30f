import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBake } from '../../../src/adopt/read-bake.ts';
import { writeBake } from '../../../src/adopt/write-bake.ts';
import type { ExportedTask } from '../../../src/adopt/write-bake-target.ts';
import { command, image } from '../../../src/define/index.ts';
import type { Definition } from '../../../src/define/types.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('bake files of tasks');
const pin = `sha256:${'a'.repeat(64)}`;
const observed: ObservedImage = {
  kind: 'image',
  context: [],
  dockerfile: { source: '/p/Dockerfile', digest: 'd' },
  vague: [],
  unpinnedFetches: [],
  bases: [],
  impure: [],
  suspect: [],
};

function exported(
  definitions: Readonly<Record<string, Definition>>,
  more: Readonly<Record<string, Partial<ObservedImage>>> = {},
) {
  const { tasks } = graphOf(definitions);
  const all = [...tasks.values()].map((task): ExportedTask => {
    if (task.kind === 'command') return { task };
    return { task, observed: { ...observed, ...more[task.id] }, contentTag: `tasks.invalid/${task.id}-k0` };
  });
  const { text, problems } = writeBake(all, new Set(tasks.keys()), 'team');
  return {
    text,
    problems,
    file: JSON.parse(text) as { group: object; target: Record<string, Record<string, unknown>> },
  };
}

test('needs are contexts of other targets, and pinned base images contexts with their digests', () => {
  const base = image({ name: 'base', versions: ['1'], context: 'base', publish: false });
  const app = image({
    name: 'app',
    versions: ['1', '2'],
    context: 'app',
    dockerfile: 'files/app.Dockerfile',
    needs: { BASE: base, 'other/base': base, 'example/base:1': base },
    aliases: (version) => (version === '2' ? ['latest'] : []),
    platforms: ['linux/arm64'],
  });
  const bases = [
    { reference: 'debian:12', platform: 'linux/arm64', line: 2, digest: pin },
    { reference: 'docker/dockerfile:1', platform: 'any', line: 1, digest: pin },
    { reference: 'busybox', platform: 'any', line: 3 },
  ];
  const { file, problems } = exported({ base, app }, { 'app:2': { bases, frontend: 'docker/dockerfile:1' } });
  assert.equal(problems, []);
  assert.equal(file.group, {
    default: { targets: ['app-1', 'app-2'] },
    app: { targets: ['app-1', 'app-2'] },
  });
  assert.equal(file.target['app-2'], {
    context: 'app',
    dockerfile: '../files/app.Dockerfile',
    args: { BUILDKIT_SYNTAX: `docker/dockerfile@${pin}`, BASE: 'example/base:1' },
    contexts: {
      'debian:12': `docker-image://debian@${pin}`,
      'example/base:1': 'target:base-1',
      'other/base': 'target:base-1-context-2',
    },
    tags: ['team/app:2', 'team/app:latest'],
    platforms: ['linux/arm64'],
  });
  assert.equal(file.target['base-1-context-2'], {
    inherits: ['base-1'],
    tags: ['team/base:1-context-2'],
    output: ['type=cacheonly'],
  });
});

test('no two targets store an image under the same name; what is not published has no output', () => {
  const base = image({ name: 'base', versions: ['1', '2'], context: 'base', publish: false });
  const shown = image({ name: 'shown', versions: ['1'], context: 'base' });
  const needs = { 'a/base': base.at('1'), 'b/base': base.at('1'), 'a/shown': shown, 'b/shown': shown };
  const app = image({ name: 'app', context: 'app', needs });
  const { file, text } = exported({ base, shown, app });
  const targets = Object.values(file.target) as { tags: string[]; output?: string[] }[];
  assert.is(targets.length, 6);
  const tags = targets.flatMap((target) => target.tags);
  assert.is(new Set(tags).size, 6, tags.join());
  assert.equal(
    targets.filter(({ output }) => output?.join() === 'type=cacheonly').flatMap((target) => target.tags),
    ['team/base:1-context', 'team/base:2-context', 'team/base:1-context-2', 'team/shown:1-context-2'],
  );
  // Read back, they are what they were.
  const read = readBake(text, { file: 'b.json', names: ['app', 'base-2'] });
  assert.equal(read.targets.map((target) => [target.name, target.tags]).sort(), [
    ['app', ['team/app:latest']],
    ['base-1', []],
    ['base-2', []],
    ['shown-1', ['team/shown:1']],
  ]);
  assert.equal(read.targets.find(({ name }) => name === 'app')!.contexts, {
    'a/base': 'target:base-1',
    'b/base': 'target:base-1',
    'a/shown': 'target:shown-1',
    'b/shown': 'target:shown-1',
  });
});

test('internal images are in the default group if nothing else is selected', () => {
  const base = image({ name: 'base', context: 'base', publish: false });
  assert.equal(exported({ base }).file.group, { default: { targets: ['base'] } });
});

test('all options of a build are in it, and tasks init reads the same from it', () => {
  const options = {
    addHosts: ['db:10.0.0.1'],
    shmSize: '64m',
    ulimits: ['nofile=1024:2048'],
    allow: ['network.host' as const],
    network: 'host',
    attest: { provenance: 'max' as const, sbom: 'scan:1' },
  };
  const app = image({
    name: 'app',
    context: '.',
    target: 'run',
    args: { A: '1' },
    labels: { l: 'x' },
    contexts: { assets: 'assets', alpine: 'docker-image://alpine:3', src: 'https://h/r.git#main' },
    secrets: { token: { env: 'T' }, file: { file: 's.txt' } },
    ssh: { default: { agent: true }, own: { key: 'id' } },
    platforms: ['linux/amd64'],
    annotations: { title: 'x: a=b' },
    ...options,
  });
  const { text } = exported({ app });
  const { targets, omissions } = readBake(text, { file: 'bake.json', names: [] });
  assert.equal(omissions, []);
  assert.equal(targets, [
    {
      name: 'app',
      place: 'bake.json › app',
      context: '.',
      dockerfile: 'Dockerfile',
      target: 'run',
      args: { A: '1' },
      labels: { l: 'x' },
      annotations: { title: 'x: a=b' },
      tags: ['team/app:latest'],
      platforms: ['linux/amd64'],
      contexts: { assets: 'assets', alpine: 'docker-image://alpine:3', src: 'https://h/r.git#main' },
      options: {
        network: 'host',
        addHosts: ['db:10.0.0.1'],
        shmSize: String(64 << 20),
        ulimits: ['nofile=1024:2048'],
        allow: ['network.host'],
        secrets: { token: { env: 'T' }, file: { file: 's.txt' } },
        ssh: { default: { agent: true }, own: { key: 'id' } },
        attest: { provenance: 'max', sbom: 'scan:1' },
      },
    },
  ]);
});

test('texts that bake would evaluate are escaped, also in names and in Dockerfiles', () => {
  const app = image({
    name: 'app',
    context: 'c',
    args: { A: '${V} %{if} $V %V $${V}' },
    labels: { '${l}': 'x' },
    dockerfile: { text: 'FROM scratch\nENV A=${B}\n' },
  });
  const target = exported({ app }).file.target.app!;
  assert.equal(target.args, { A: '$${V} %%{if} $V %V $$${V}' });
  assert.equal(target.labels, { '$${l}': 'x' });
  assert.is(target['dockerfile-inline'], 'FROM scratch\nENV A=$${B}\n');
});

test('commands and needs on files are problems', () => {
  const files = command({ name: 'files', run: ['true'] });
  const tree = image({ name: 'tree', context: 'c', output: 'files' });
  const app = image({ name: 'app', context: 'c', needs: { files, tree } });
  assert.equal(exported({ files, tree, app }).problems, [
    'files:latest is a command: bake runs no programs',
    'app:latest needs the files of files:latest: bake adds no files to a build context',
    'app:latest needs the files of tree:latest: bake adds no files to a build context',
  ]);
});

test.run();
