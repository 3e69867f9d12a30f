import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertValid, isValid, type SchemaName } from '../support/schemas.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('JSON schemas');
const names: readonly SchemaName[] = ['plan', 'events', 'release', 'graph'];

function generate(...args: string[]) {
  const { status, stderr } = spawnSync('node', ['scripts/schemas.mjs', ...args], { encoding: 'utf8' });
  return { status, stderr };
}

test('the schemas in the repository are those of the types', () => {
  assert.equal(generate('--check'), { status: 0, stderr: '' });
  assert.equal(readdirSync('schema').sort(), names.map((name) => `${name}.json`).sort());
});

test('a schema that is out of date or missing is reported', () => {
  const folder = tempFolder();
  cpSync('schema', folder, { recursive: true });
  const file = path.join(folder, 'plan.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"blocked"', '"stuck"'));
  rmSync(path.join(folder, 'graph.json'));
  const { status, stderr } = generate('--check', '--folder', folder);
  assert.is(status, 1);
  assert.match(
    stderr,
    /^\S*plan\.json is out of date.*\n\S*graph\.json is out of date: run npm run schemas\n$/,
  );
});

test('programs find the schemas through the package', () => {
  const { exports, files } = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.is(exports['./schema/*.json'], './schema/*.json');
  assert.ok(files.includes('schema'));
});

test('each schema has a title, and a description that says that fields may be added', () => {
  for (const name of names) {
    const { $id, title, description } = JSON.parse(readFileSync(`schema/${name}.json`, 'utf8'));
    assert.is($id, `urn:image-tasks:schema:${name}`);
    assert.ok(title.length > 10 && /may add fields/.test(description), name);
  }
});

type Json = Record<string, unknown>;
const digest = `sha256:${'a'.repeat(64)}`;
const time = '2026-11-28T14:02:00.000Z';
const counts = {
  built: 1,
  reused: 0,
  retagged: 0,
  pulled: 0,
  skipped: 0,
  failed: 0,
  blocked: 0,
  cancelled: 0,
};

const plannedTask = {
  id: 'app:1',
  name: 'app',
  version: '1',
  action: 'build',
  reasons: [{ code: 'not-built', detail: 'not built before' }],
  key: 'a'.repeat(64),
  needs: ['base:1'],
  tags: ['team/app:1'],
  publish: true,
  args: { VERSION: '1' },
  labels: {},
  aliases: [],
  platform: 'linux/amd64',
  context: 'app',
  dockerfile: 'app/Dockerfile',
  target: null,
  bases: [
    { reference: 'debian:13', digest: null },
    { reference: 'busybox:1', digest },
  ],
};
const plan = {
  tasks: [plannedTask],
  counts: { build: 1, run: 0, pull: 0, retag: 0, reuse: 0, skip: 0, blocked: 0 },
};
const graph = {
  nodes: [{ id: 'app:1', name: 'app', version: '1', action: 'build', publish: true }],
  edges: [{ from: 'app:1', to: 'base:1', kind: 'needs' }],
};
const release = {
  schema: 2,
  repo: 'registry.test/team',
  suffix: '',
  started: time,
  finished: time,
  git: { commit: 'b'.repeat(40), dirty: false },
  images: [
    {
      task: 'app:1',
      name: 'app',
      version: '1',
      key: 'a'.repeat(64),
      image: `registry.test/team/app@${digest}`,
      digest,
      imageId: digest,
      platform: 'linux/amd64',
      platforms: { 'linux/amd64': { digest, key: 'a'.repeat(64), imageId: digest } },
      tags: ['registry.test/team/app:1'],
      aliases: [],
      test: { passed: true, digest: 'c'.repeat(64) },
      buildMs: 12_000,
    },
  ],
};
const tasks = [{ id: 'app:1', action: 'build', needs: [], expectedMs: 1000 }];
const ofTask = { time, phase: 'build', id: 'app:1' };
const failure = { message: 'exit code 1', step: '[3/5] RUN make', lines: ['no'], log: '/x/app:1.log' };
/** Each event with all its fields, and those that may be missing. */
const events: Record<string, { event: Json; optional?: readonly string[] }> = {
  'run-started': { event: { type: 'run-started', time, command: 'build', jobs: 2, tasks } },
  'phase-started': { event: { type: 'phase-started', time, phase: 'test', jobs: 2, tasks } },
  'task-started': { event: { type: 'task-started', ...ofTask, action: 'build' } },
  'task-progress': {
    event: { type: 'task-progress', ...ofTask, step: 3, steps: 5, text: 'RUN make', ended: 'done' },
    optional: ['step', 'steps', 'ended'],
  },
  'task-output': { event: { type: 'task-output', ...ofTask, line: 'hello' } },
  'task-finished': {
    event: {
      type: 'task-finished',
      ...ofTask,
      outcome: 'failed',
      ms: 12,
      imageId: digest,
      bytes: 1,
      tags: [],
      error: failure,
    },
    optional: ['imageId', 'bytes', 'tags', 'error'],
  },
  'phase-finished': { event: { type: 'phase-finished', time, phase: 'publish', ok: true, counts, ms: 12 } },
  'run-finished': { event: { type: 'run-finished', time, ok: true, counts, ms: 12 } },
};

/** Copies a document with another value in one place, such as `tasks.0.action`; undefined removes the field. */
function withValue(document: Json, place: string, value: unknown): Json {
  const copy = structuredClone(document);
  const keys = place.split('.');
  const last = keys.pop()!;
  const parent = keys.reduce((at, key) => at[key] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** Asserts that the document needs each of the fields of the object in one place. */
function assertRequired(
  name: SchemaName,
  document: Json,
  place: string,
  optional: readonly string[] = [],
): void {
  const parent = place === '' ? document : place.split('.').reduce((at, key) => at[key] as Json, document);
  for (const field of Object.keys(parent)) {
    const at = place === '' ? field : `${place}.${field}`;
    assert.is(isValid(name, withValue(document, at, undefined)), optional.includes(field), `without ${at}`);
  }
}

const documents: {
  name: SchemaName;
  document: Json;
  objects: readonly string[];
  enums: readonly string[];
}[] = [
  {
    name: 'plan',
    document: plan,
    objects: ['', 'counts', 'tasks.0', 'tasks.0.reasons.0', 'tasks.0.bases.0'],
    enums: ['tasks.0.action', 'tasks.0.reasons.0.code'],
  },
  {
    name: 'graph',
    document: graph,
    objects: ['', 'nodes.0', 'edges.0'],
    enums: ['nodes.0.action', 'edges.0.kind'],
  },
  {
    name: 'release',
    document: release,
    objects: ['', 'git', 'images.0', 'images.0.test'],
    enums: [],
  },
];

for (const { name, document, objects, enums } of documents) {
  test(`${name}: each field of the contract is required, words are those of the contract`, () => {
    assertValid(name, document);
    for (const place of objects) assertRequired(name, document, place);
    for (const place of enums) assert.not.ok(isValid(name, withValue(document, place, 'other')), place);
  });

  test(`${name}: fields may be added everywhere`, () => {
    for (const place of objects)
      assert.ok(isValid(name, withValue(document, place === '' ? 'added' : `${place}.added`, 1)), place);
  });
}

test('plan: what a command does not have is null', () => {
  const empty = { platform: null, context: null, dockerfile: null, target: null, bases: [], args: {} };
  assertValid('plan', { ...plan, tasks: [{ ...plannedTask, ...empty, publish: false, tags: [] }] });
  assert.not.ok(isValid('plan', { ...plan, tasks: [{ ...plannedTask, key: null }] }));
});

test('release: git, imageId, test and buildMs may be null; key and platform, too, of several platforms', () => {
  const image = {
    ...release.images[0],
    key: null,
    imageId: null,
    platform: null,
    platforms: { 'linux/amd64': { digest, key: 'a'.repeat(64), imageId: null } },
    test: null,
    buildMs: null,
  };
  assertValid('release', { ...release, git: null, images: [image] });
  assert.not.ok(isValid('release', { ...release, schema: 3 }));
});

for (const [type, { event, optional }] of Object.entries(events))
  test(`events: ${type} has its fields`, () => {
    assertValid('events', event);
    assertRequired('events', event, '', optional);
    assert.ok(isValid('events', { ...event, added: 1 }));
  });

test('events: words are those of the contract, and what is nested is checked', () => {
  const finished = events['task-finished']!.event;
  const wrong: [Json, string, unknown][] = [
    [finished, 'type', 'task-ended'],
    [finished, 'phase', 'deploy'],
    [finished, 'outcome', 'done'],
    [finished, 'time', 'yesterday'],
    [finished, 'ms', '12'],
    [finished, 'error.message', undefined],
    [events['run-finished']!.event, 'counts.pulled', undefined],
    [events['run-started']!.event, 'tasks.0.id', undefined],
    [events['run-started']!.event, 'tasks.0.action', 'think'],
    [events['task-started']!.event, 'action', 'think'],
    [events['task-progress']!.event, 'ended', 'maybe'],
  ];
  for (const [event, place, value] of wrong)
    assert.not.ok(isValid('events', withValue(event, place, value)), `${place}: ${value}`);
});

test.run();
