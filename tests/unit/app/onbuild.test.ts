// Whether a base image that is named by digest has ONBUILD: queried once, memoized forever, never assumed.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Notice } from '../../../src/app/notices.ts';
import { queryEngineThenRegistry } from '../../../src/app/onbuild.ts';
import { image } from '../../../src/define/index.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { computeKeys } from '../../../src/key/compute-keys.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { HasOnbuild } from '../../../src/model/ports.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import { openObserver } from '../../../src/observe/observer.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('ONBUILD of base images named by digest');
const named = (digit: string): string => `debian:12@sha256:${digit.repeat(64)}`;
const graph = graphOf({
  one: image({ name: 'one', context: 'c', platforms: ['linux/amd64'] }),
  two: image({ name: 'two', context: 'c', platforms: ['linux/amd64'] }),
});

function project(): string {
  const root = tempFolder();
  writeFiles(root, { 'c/Dockerfile': `FROM ${named('a')}\nCOPY a /\n`, 'c/a': '', 'c/.git/x': '' });
  waitUntilSettled(path.join(root, 'c/Dockerfile'));
  return root;
}

interface Result {
  readonly key: string;
  /** Undefined if the task was not read. */
  readonly files: readonly string[] | undefined;
  readonly vague: readonly string[];
}

/** Observes the tasks as one run does. */
async function observe(root: string, hasOnbuild?: HasOnbuild): Promise<Result> {
  const observer = openObserver({
    root,
    depsLogFile: path.join(root, '.cache/traces'),
    memo: openMemo(path.join(root, '.cache/memo'), assert.unreachable),
    environment: {},
    now: new Date(0),
    programId: 'test',
    lock: new Map(),
    warn: assert.unreachable,
    ...(hasOnbuild === undefined ? {} : { hasOnbuild: hasOnbuild }),
  });
  const { keyed, observations } = await computeKeys(graph, new Set(graph.tasks.keys()), observer);
  const observed = observations.get('one:latest')!;
  return {
    key: keyed.get('one:latest')!.key,
    files: observed.kind === 'image' ? observed.context.map((entry) => entry.path) : undefined,
    vague: 'vague' in observed ? observed.vague : [],
  };
}

const queries: string[] = [];
const answer =
  (result: boolean | undefined): HasOnbuild =>
  async (reference, platform) => {
    queries.push(`${reference} ${platform}`);
    return result;
  };

test('a base image without ONBUILD is queried once, for all of its dependents and all later runs', async () => {
  const root = project();
  queries.length = 0;
  const first = await observe(root, answer(false));
  assert.equal([first.files, first.vague], [['a'], []]);
  assert.equal(queries, [`${named('a')} linux/amd64`]);
  assert.is((await observe(root)).key, first.key, 'a later run needs no engine or registry');
  writeFiles(root, { 'c/a': 'changed' });
  assert.equal((await observe(root)).files, ['a'], 'not even if the context is read again');
  assert.is(queries.length, 1);
});

test('while the answer is unknown, the whole context is an input and each run queries again', async () => {
  const root = project();
  const unknown = await observe(root);
  assert.equal(unknown.files, ['.git', '.git/x', 'Dockerfile', 'a']);
  assert.match(
    unknown.vague.join(),
    /cannot check yet whether debian:12@sha256:aaaaaaaaaaaa… has ONBUILD instructions/,
  );
  assert.is((await observe(root, answer(undefined))).key, unknown.key);
  const known = await observe(root, answer(false));
  assert.equal([known.files, known.vague], [['a'], []]);
  assert.is.not(known.key, unknown.key);
});

test('a base image with ONBUILD makes the whole context an input; another digest is queried again', async () => {
  const root = project();
  const first = await observe(root, answer(true));
  assert.equal(first.files, ['.git', '.git/x', 'Dockerfile', 'a']);
  assert.match(first.vague.join(), /has ONBUILD instructions, which run in this build/);
  assert.is((await observe(root)).key, first.key);
  writeFiles(root, { 'c/Dockerfile': `FROM ${named('b')}\nCOPY a /\n` });
  assert.match((await observe(root)).vague.join(), /cannot check yet/);
  queries.length = 0;
  assert.equal((await observe(root, answer(false))).files, ['a']);
  assert.equal(queries, [`${named('b')} linux/amd64`]);
});

test('without the cache, the image is queried again', async () => {
  const root = project();
  const first = await observe(root, answer(false));
  rmSync(path.join(root, '.cache'), { recursive: true });
  assert.match((await observe(root)).vague.join(), /cannot check yet/);
  assert.is((await observe(root, answer(false))).key, first.key);
});

test('the engine is queried first, then the registry; after a failure, it is not queried again', async () => {
  const calls: string[] = [];
  const notices: Notice[] = [];
  const hasOnbuild = queryEngineThenRegistry(
    {
      triggers: async (reference) => {
        calls.push(`engine ${reference}`);
        if (reference.startsWith('gone')) throw new TasksError(3, 'no engine');
        return reference.startsWith('here') ? true : undefined;
      },
    },
    async (reference) => {
      calls.push(`registry ${reference}`);
      if (reference.startsWith('down.example')) throw new RegistryError('unreachable', 'no answer');
      if (reference.startsWith('missing')) throw new RegistryError('missing', 'not there');
      return false;
    },
    (notice) => notices.push(notice),
  );
  assert.is(await hasOnbuild('here/x', 'p'), true);
  assert.is(await hasOnbuild('there/x', 'p'), false);
  assert.is(await hasOnbuild('there/x', 'p'), false);
  assert.is(await hasOnbuild('missing/x', 'p'), undefined);
  assert.is(await hasOnbuild('down.example/x', 'p'), undefined);
  assert.is(await hasOnbuild('down.example/y', 'p'), undefined);
  assert.is(await hasOnbuild('gone/x', 'p'), false);
  assert.is(await hasOnbuild('here/y', 'p'), false);
  assert.equal(calls, [
    'engine here/x',
    'engine there/x',
    'registry there/x',
    'engine missing/x',
    'registry missing/x',
    'engine down.example/x',
    'registry down.example/x',
    'engine down.example/y',
    'engine gone/x',
    'registry gone/x',
    'registry here/y',
  ]);
  assert.equal(notices, [
    { kind: 'onbuild-unknown', image: 'missing/x', message: 'not there' },
    { kind: 'onbuild-unknown', image: 'down.example/x', message: 'no answer' },
  ]);
});

test('an unexpected error is not treated as an unreachable registry', async () => {
  const hasOnbuild = queryEngineThenRegistry(
    { triggers: async () => undefined },
    async () => Promise.reject(new Error('x')),
    () => undefined,
  );
  try {
    await hasOnbuild('a', 'p');
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'x');
  }
});

test.run();
