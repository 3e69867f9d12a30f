import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { computeKeys } from '../../../src/key/compute-keys.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { type LockEntry, lockEntryId } from '../../../src/model/lock.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { openObserver } from '../../../src/observe/observer.ts';
import { watchedPaths } from '../../../src/observe/watch-paths.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('named contexts');
const digest = `sha256:${'d'.repeat(64)}`;

const files = {
  'app/Dockerfile': 'FROM scratch\nCOPY --from=assets logo icons/*.svg /\n',
  'app/x': 'x',
  'assets/logo': 'logo',
  'assets/icons/a.svg': 'a',
  'assets/icons/b.png': 'b',
  'assets/icons/tmp.svg': 'ignored',
  'assets/other': 'other',
  'assets/.dockerignore': '**/tmp*\n',
};

function project(changes: Parameters<typeof writeFiles>[1] = {}): string {
  const root = tempFolder();
  writeFiles(root, { ...files, ...changes });
  return root;
}

/** Observes an image with these fields as one run does. */
async function observe(
  root: string,
  fields: Partial<ImageFields<string>> = {},
  lock: readonly LockEntry[] = [],
) {
  const warn = (message: string): void => assert.unreachable(message);
  const contexts = { assets: 'assets' };
  const graph = graphOf({ app: image({ name: 'app', context: 'app', contexts, ...fields }) });
  const observer = openObserver({
    root,
    depsLogFile: path.join(root, '.cache/traces'),
    memo: openMemo(path.join(root, '.cache/memo'), warn),
    environment: {},
    now: new Date(0),
    programId: 'test',
    lock: new Map(lock.map((entry) => [lockEntryId(entry), entry])),
    warn,
  });
  const { keyed, observations } = await computeKeys(graph, new Set(graph.tasks.keys()), observer);
  const names = await observer.names(graph.tasks.get('app:latest')!);
  const observed = observations.get('app:latest') as ObservedImage;
  return { key: keyed.get('app:latest')!.key, observed, names, graph };
}

async function problemOf(root: string, fields: Partial<ImageFields<string>> = {}): Promise<string> {
  try {
    await observe(root, fields);
  } catch (error) {
    assert.instance(error, DefinitionError);
    assert.is((error as DefinitionError).exitCode, 2);
    return (error as DefinitionError).message;
  }
  throw new Error('nothing was wrong');
}

const entriesOf = ({ contexts = [] }: ObservedImage): string[] =>
  contexts.flatMap(({ name, entries }) => entries.map((entry) => `${name} ${entry.path}`));

test('of a folder, what the build reads and its ignore file leaves is observed', async () => {
  const { observed } = await observe(project());
  assert.equal(entriesOf(observed), ['assets icons', 'assets icons/a.svg', 'assets logo']);
  assert.equal(observed.context, []);
});

test('a changed file that is read changes the key; other files, and ignored ones, do not', async () => {
  const root = project();
  const { key } = await observe(root);
  for (const name of ['assets/other', 'assets/icons/b.png', 'assets/icons/tmp.svg', 'assets/icons/new.png']) {
    writeFileSync(path.join(root, name), 'changed');
    assert.is((await observe(root)).key, key, name);
  }
  const keys = new Set([key]);
  for (const name of ['assets/logo', 'assets/icons/a.svg', 'assets/icons/new.svg', 'assets/.dockerignore']) {
    writeFileSync(path.join(root, name), '');
    keys.add((await observe(root)).key);
  }
  assert.is(keys.size, 5);
});

test('if the Dockerfile is not understood, everything in all contexts counts', async () => {
  const root = project({
    'app/Dockerfile': 'FROM scratch\nCOPY --from=assets logo /\nRUN --unknown true\n',
    'more/m': 'm',
  });
  const { observed } = await observe(root, { contexts: { assets: 'assets', more: 'more' } });
  assert.ok(observed.vague.length > 0);
  assert.equal(entriesOf(observed), [
    'assets .dockerignore',
    'assets icons',
    'assets icons/a.svg',
    'assets icons/b.png',
    'assets logo',
    'assets other',
    'more m',
  ]);
});

test('a context that only stages use which the target does not need is not read', async () => {
  const root = project({
    'app/Dockerfile': 'FROM scratch AS x\nCOPY --from=assets logo /\nFROM scratch\nCOPY x /\n',
  });
  const { observed, key } = await observe(root);
  assert.equal(observed.contexts, [
    { name: 'assets', source: { folder: 'assets' }, isUsed: false, entries: [] },
  ]);
  writeFileSync(path.join(root, 'assets/logo'), 'changed');
  assert.is((await observe(root)).key, key);
});

test('an image counts like a base image: pinned by the lock file, by its name, or impure', async () => {
  const root = project({ 'app/Dockerfile': 'FROM assets\nCOPY --from=tools /x /\n' });
  const contexts = { assets: 'docker-image://debian:12', tools: `docker-image://tools@${digest}` };
  const { observed, names } = await observe(root, { contexts });
  assert.equal(observed.bases, [
    { reference: 'debian:12', platform: 'linux/amd64', line: 1, context: 'assets' },
    { reference: `tools@${digest}`, platform: 'linux/amd64', line: 2, context: 'tools' },
  ]);
  assert.equal(
    observed.impure.map(({ detail }) => detail),
    ['contexts.assets: debian:12 is not pinned by digest'],
  );
  assert.equal(names, [{ reference: 'debian:12', place: 'contexts' }], 'it may be an image of the project');
  const entry = { image: 'debian:12', platform: 'linux/amd64', digest, onbuild: false, profiles: [] };
  const pinned = await observe(root, { contexts }, [entry]);
  assert.equal([pinned.observed.bases[0]!.digest, pinned.observed.impure], [digest, []]);
  const moved = await observe(root, { contexts }, [{ ...entry, digest: digest.replace('dd', 'ee') }]);
  assert.is.not(moved.key, pinned.key);
});

test('ONBUILD of an image that a stage is built on may read everything', async () => {
  const root = project({ 'app/Dockerfile': 'FROM base\nCOPY --from=assets logo /\n' });
  const contexts = { assets: 'assets', base: 'docker-image://debian:12' };
  const entry = { image: 'debian:12', platform: 'linux/amd64', digest, onbuild: true, profiles: [] };
  const { observed } = await observe(root, { contexts }, [entry]);
  assert.match(observed.vague.join(), 'contexts.base: debian:12 has ONBUILD instructions');
  assert.ok(entriesOf(observed).includes('assets other'));
});

test('a git address without a commit is impure', async () => {
  const commit = 'c'.repeat(40);
  for (const [address, isExact] of [
    ['https://h/r.git', false],
    ['https://h/r.git#main', false],
    [`https://h/r.git#${commit.slice(1)}`, false],
    [`https://h/r.git#${commit}`, true],
    [`https://h/r.git#${commit}:folder`, true],
  ] as const) {
    const { observed } = await observe(project(), { contexts: { assets: address } });
    const details = observed.impure.map(({ detail }) => detail);
    assert.equal(details, isExact ? [] : [`contexts.assets: ${address} names no commit`]);
  }
  const { observed } = await observe(project(), { contexts: { assets: 'https://me:hunter2@h/r.git' } });
  assert.not.match(JSON.stringify(observed.impure), 'hunter2');
});

test('files that are probably a mistake are reported with their path', async () => {
  const root = project({ 'app/Dockerfile': 'FROM assets\n', 'assets/.git/HEAD': 'x' });
  assert.match((await observe(root)).observed.suspect.join(), /^assets\/\.git is in the build context/);
});

test('wrong contexts are errors that name the field', async () => {
  assert.match(
    await problemOf(project(), { contexts: { assets: 'missing' } }),
    /app › contexts.assets: folder not found\n {2}found: +missing\n/,
  );
  assert.match(
    await problemOf(project(), { contexts: { assets: 'app/x' } }),
    /contexts.assets: folder not found/,
  );
  assert.match(
    await problemOf(project({ 'assets/.dockerignore': '[' })),
    /assets\/.dockerignore:1:1 › app › contexts.assets: invalid pattern/,
  );
  assert.match(
    await problemOf(project(), { contexts: { assets: 'assets', asets: 'assets' } }),
    /app › contexts.asets: app\/Dockerfile does not name this context\n.*FROM asets, COPY --from=asets/,
  );
});

test('fields that the docker/dockerfile of the syntax line is too old for are errors', async () => {
  const text = `# syntax=docker/dockerfile:1.3@${digest}\n${files['app/Dockerfile']}`;
  const message = await problemOf(project({ 'app/Dockerfile': text }), {
    shmSize: '1g',
    addHosts: ['a:10.0.0.1'],
  });
  assert.match(
    message,
    /contexts: the docker\/dockerfile that app\/Dockerfile selects does not support this/,
  );
  assert.match(message, /shmSize: the docker\/dockerfile/);
  assert.not.match(message, 'addHosts');
  const arg = { BUILDKIT_SYNTAX: 'docker/dockerfile:1.3' };
  assert.match(await problemOf(project(), { args: arg }), /contexts: the docker\/dockerfile/);
  await observe(project({ 'app/Dockerfile': text.replace('1.3', '1.4') }));
});

test('folders are watched', async () => {
  const root = project();
  const { graph } = await observe(root);
  assert.ok(watchedPaths(graph, ['app:latest'], root).includes(path.join(root, 'assets')));
});

test.run();
