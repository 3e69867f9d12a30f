import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { diffManifests } from '../../../src/key/diff-manifests.ts';
import { formatDifference } from '../../../src/key/difference.ts';
import { hashManifest } from '../../../src/key/hash-manifest.ts';
import { makeManifest } from '../../../src/key/manifest.ts';
import type {
  FileEntry,
  Observed,
  ObservedCommand,
  ObservedContext,
  ObservedImage,
} from '../../../src/model/observed.ts';
import type { CommandTask, ImageTask, Task } from '../../../src/model/task.ts';
import { graphOf, graphOfNeeds, makeKeys } from '../../support/graphs.ts';

const base = image({ name: 'base', context: 'b' });
const app = image({
  name: 'app',
  versions: ['1'],
  context: 'a',
  args: { A: '1' },
  labels: { l: 'x' },
  needs: { BASE: base },
});
const task = graphOf({ base, app }).tasks.get('app:1') as ImageTask;
const file = (path: string, digest = 'd1', executable = false): FileEntry => ({
  path,
  type: 'file',
  digest,
  executable,
  size: 1,
});
const observed: ObservedImage = {
  kind: 'image',
  context: [
    file('Dockerfile'),
    { path: 'dir', type: 'dir' },
    file('dir/x'),
    { path: 'link', type: 'link', target: 'dir/x' },
  ],
  dockerfile: {
    source: '/p/a/Dockerfile',
    digest: 'df',
  },
  vague: [],
  unpinnedFetches: [],
  bases: [],
  impure: [],
  suspect: [],
};
const folder = (name: string, entries: readonly FileEntry[]): ObservedContext => ({
  name,
  source: { folder: 'd' },
  isUsed: true,
  entries,
});
const needs = new Map([['base:latest', 'k0']]);
const keyOf = (
  changes: { task?: Partial<ImageTask>; observed?: Partial<ObservedImage>; needs?: Map<string, string> } = {},
): string =>
  hashManifest(
    makeManifest(
      { ...task, ...changes.task } as Task,
      { ...observed, ...changes.observed },
      changes.needs ?? needs,
    ),
  );

const test = suite('key');

test('the same inputs give the same key of 64 hex digits', () => {
  assert.match(keyOf(), /^[0-9a-f]{64}$/);
  assert.is(keyOf({ observed: structuredClone(observed) }), keyOf());
});

test('every input that can change the result changes the key', () => {
  const [dockerfile, dir, x, link] = observed.context as [FileEntry, FileEntry, FileEntry, FileEntry];
  const changes: Record<string, Parameters<typeof keyOf>[0]> = {
    arg: { task: { args: { A: '2' } } },
    'arg name': { task: { args: { B: '1' } } },
    label: { task: { labels: { l: 'y' } } },
    target: { task: { target: 'stage' } },
    platform: { task: { platform: 'linux/arm64' } },
    network: { task: { network: 'none' } },
    output: { task: { output: 'files' } },
    hosts: { task: { addHosts: ['db=10.0.0.1'] } },
    'order of hosts': { task: { addHosts: ['db=10.0.0.1', 'db=10.0.0.2'] } },
    'other order of hosts': { task: { addHosts: ['db=10.0.0.2', 'db=10.0.0.1'] } },
    'shm size': { task: { shmSize: 1024 } },
    ulimit: { task: { ulimits: { nofile: '1:2' } } },
    'ulimit value': { task: { ulimits: { nofile: '2:2' } } },
    allow: { task: { allow: ['security.insecure'] } },
    ssh: { task: { ssh: { default: { agent: true } } } },
    'ssh ID': { task: { ssh: { other: { agent: true } } } },
    context: { observed: { contexts: [folder('a', [])] } },
    'context name': { observed: { contexts: [folder('b', [])] } },
    'context file': { observed: { contexts: [folder('a', [file('x')])] } },
    'context file content': { observed: { contexts: [folder('a', [file('x', 'd2')])] } },
    'context file path': { observed: { contexts: [folder('a', [file('y')])] } },
    'context with a slash': { observed: { contexts: [folder('a/x', [file('y')])] } },
    'context with a folder': { observed: { contexts: [folder('a', [file('x/y')])] } },
    'context image': { observed: { contexts: [{ ...folder('a', []), source: { image: 'alpine:3' } }] } },
    'other context image': {
      observed: { contexts: [{ ...folder('a', []), source: { image: 'alpine:4' } }] },
    },
    'context in git': {
      observed: { contexts: [{ ...folder('a', []), source: { git: 'https://h/r.git' } }] },
    },
    'need key': { needs: new Map([['base:latest', 'k1']]) },
    'file content': { observed: { context: [dockerfile, dir, file('dir/x', 'd2'), link] } },
    'file moved': { observed: { context: [dockerfile, dir, file('dir/y'), link] } },
    'executable bit': { observed: { context: [dockerfile, dir, file('dir/x', 'd1', true), link] } },
    'link text': {
      observed: { context: [dockerfile, dir, x, { path: 'link', type: 'link', target: 'dir/y' }] },
    },
    'link to file': { observed: { context: [dockerfile, dir, x, file('link')] } },
    'empty folder': { observed: { context: [dockerfile, dir, x, { path: 'empty', type: 'dir' }, link] } },
    'file gone': { observed: { context: [dockerfile, dir, link] } },
    Dockerfile: { observed: { dockerfile: { ...observed.dockerfile, digest: 'other' } } },
  };
  const keys = new Map([
    ['nothing', keyOf()],
    ...Object.entries(changes).map(([name, change]) => [name, keyOf(change)] as const),
  ]);
  assert.is(
    new Set(keys.values()).size,
    keys.size,
    [...keys].map(([name, key]) => `${name} ${key.slice(0, 8)}`).join('\n'),
  );
});

test('description, tags, publish, timeout, and the order of args do not change the key', () => {
  assert.is(keyOf({ task: { description: 'other', tags: ['x'], publish: false, timeoutMs: 5 } }), keyOf());
  assert.is(keyOf({ task: { args: { B: '2', A: '1' } } }), keyOf({ task: { args: { A: '1', B: '2' } } }));
});

test('tasks without the fields for contexts and RUN keep the keys that they had before these fields existed', () => {
  const platform = 'linux/amd64';
  assert.is(
    keyOf({ task: { platform } }),
    'c907a96dadd2c0fb811923138301ef99dff82e92f9b1b2b357dc23c404a03ed8',
  );
  const steps = [{ name: '0 0', line: 1, text: 'FROM scratch' }];
  assert.is(
    keyOf({
      task: { platform, secrets: { s: { env: 'S' } }, target: 'x' },
      observed: { reachable: { steps, args: ['A'] } },
    }),
    '3a2cd12ddec66ae68383c28419a50302d6c2b43cf24e89642ed3de9212d20562',
  );
});

test('the parent cgroup, attestations, annotations, the source of an SSH agent, the place of a context, and unused contexts do not change the key', () => {
  assert.is(keyOf({ task: { cgroupParent: '/x' } }), keyOf());
  assert.is(keyOf({ task: { attest: { provenance: 'max', sbom: true }, annotations: { a: 'b' } } }), keyOf());
  assert.is(
    keyOf({ task: { ssh: { default: { agent: true } } } }),
    keyOf({ task: { ssh: { default: { key: 'id' } } } }),
  );
  const one = folder('a', [file('x')]);
  assert.is(
    keyOf({ observed: { contexts: [one] } }),
    keyOf({ observed: { contexts: [{ ...one, source: { folder: 'elsewhere' } }] } }),
  );
  assert.is(keyOf({ observed: { contexts: [{ ...one, isUsed: false, entries: [] }] } }), keyOf());
});

test('no credentials of a git address are in the manifest', () => {
  const source = { git: 'https://me:hunter2@h/r.git' };
  const { lines } = makeManifest(task, { ...observed, contexts: [{ ...folder('a', []), source }] }, needs);
  assert.not.match(JSON.stringify(lines), 'hunter2');
  assert.match(JSON.stringify(lines), '@h/r.git');
});

test('argv, program, inputs, environment, and machine change the key of a command', () => {
  const command = graphOfNeeds({ $c: [] }).tasks.get('c:latest') as CommandTask;
  const observedCommand: ObservedCommand = {
    kind: 'command',
    program: file('make-it'),
    inputs: [file('in')],
    env: { EPOCH: '1' },
    machine: 'linux/x64',
  };
  const of = (changes: Partial<ObservedCommand>, more: Partial<CommandTask> = {}): string =>
    hashManifest(makeManifest({ ...command, ...more }, { ...observedCommand, ...changes }, new Map()));
  const keys = [
    of({}),
    of({ program: file('make-it', 'd2') }),
    of({ inputs: [] }),
    of({ env: { EPOCH: '2' } }),
    of({ env: { EPOCH: null } }),
    of({ env: { EPOCH: '' } }),
    of({ machine: 'linux/arm64' }),
    of({}, { run: ['make-it', 'x'] }),
  ];
  assert.is(new Set(keys).size, keys.length);
});

test('property: different args give different keys', () => {
  const args = fc.dictionary(fc.stringMatching(/^[A-Z=]{1,3}$/), fc.string({ maxLength: 4 }), { maxKeys: 3 });
  fc.assert(
    fc.property(args, args, (a, b) => {
      const same = JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
      assert.is(keyOf({ task: { args: a } }) === keyOf({ task: { args: b } }), same);
    }),
  );
});

test('property: a changed file changes the key and is the only difference', () => {
  const paths = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(paths, fc.nat(), (names, index) => {
      const before = makeManifest(task, { ...observed, context: names.map((name) => file(name)) }, needs);
      const changed = names[index % names.length]!;
      const after = makeManifest(
        task,
        { ...observed, context: names.map((name) => file(name, name === changed ? 'new' : 'd1')) },
        needs,
      );
      assert.is.not(hashManifest(before), hashManifest(after));
      assert.equal(diffManifests(before, after).map(formatDifference), [`file ${changed} changed`]);
    }),
  );
});

test('manifests with different keys have differences', () => {
  const a = makeManifest(task, observed, needs);
  assert.equal(diffManifests(a, structuredClone(a)), []);
  const b = makeManifest({ ...task, args: { A: '2' } }, observed, new Map([['base:latest', 'k1']]));
  assert.equal(diffManifests(a, b).map(formatDifference), ['arg A 1 → 2', 'need BASE base:latest changed']);
});

test('a changed need changes the keys of all dependents; a task with a problem and its dependents have no key', () => {
  const graph = graphOfNeeds({ a: [], b: ['a'], c: ['b'] });
  const observations = (digest: string) =>
    new Map(
      [...graph.tasks.keys()].map((id) => [
        id,
        { ...observed, dockerfile: { ...observed.dockerfile, digest: id === 'a:latest' ? digest : 'same' } },
      ]),
    );
  const ids = new Set(graph.tasks.keys());
  const [before, after] = [makeKeys(graph, ids, observations('1')), makeKeys(graph, ids, observations('2'))];
  for (const id of ids) assert.is.not(before.get(id)!.key, after.get(id)!.key);
  const broken = new Map<string, Observed>([
    ...observations('1'),
    ['b:latest', { kind: 'problem', code: 'unreadable', detail: 'x' }] as const,
  ]);
  assert.equal([...makeKeys(graph, ids, broken).keys()], ['a:latest']);
});

test.run();
