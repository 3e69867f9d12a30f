// Whether a base that is named by its digest has ONBUILD: asked for once, remembered for ever, never taken for granted.
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

const test = suite('ONBUILD of a base that is named by its digest');
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

interface Seen {
  readonly key: string;
  /** Undefined where the task was not read. */
  readonly files: readonly string[] | undefined;
  readonly vague: readonly string[];
}

/** A run of its own, which asks and reads what it must. */
async function look(root: string, askTriggers?: HasOnbuild): Promise<Seen> {
  const observer = openObserver({
    root,
    traces: path.join(root, '.cache/traces'),
    memo: openMemo(path.join(root, '.cache/memo'), assert.unreachable),
    environment: {},
    now: new Date(0),
    programId: 'test',
    lock: new Map(),
    warn: assert.unreachable,
    ...(askTriggers === undefined ? {} : { askTriggers }),
  });
  const { keyed, observations } = await computeKeys(graph, new Set(graph.tasks.keys()), observer);
  const observed = observations.get('one:latest')!;
  return {
    key: keyed.get('one:latest')!.key,
    files: observed.kind === 'image' ? observed.context.map((each) => each.path) : undefined,
    vague: 'vague' in observed ? observed.vague : [],
  };
}

const asked: string[] = [];
const says =
  (answer: boolean | undefined): HasOnbuild =>
  async (reference, platform) => {
    asked.push(`${reference} ${platform}`);
    return answer;
  };

test('a base without ONBUILD: asked once, whoever stands on it, and in no later run', async () => {
  const root = project();
  asked.length = 0;
  const first = await look(root, says(false));
  assert.equal([first.files, first.vague], [['a'], []]);
  assert.equal(asked, [`${named('a')} linux/amd64`]);
  assert.is((await look(root)).key, first.key, 'it needs nobody who could be asked');
  writeFiles(root, { 'c/a': 'changed' });
  assert.equal((await look(root)).files, ['a'], 'nor where it is read again');
  assert.is(asked.length, 1);
});

test('until somebody answers everything counts, and every run asks again', async () => {
  const root = project();
  const unknown = await look(root);
  assert.equal(unknown.files, ['.git', '.git/x', 'Dockerfile', 'a']);
  assert.match(
    unknown.vague.join(),
    /nobody could be asked yet whether debian:12@sha256:aaaaaaaaaaaa… has ONBUILD/,
  );
  assert.is((await look(root, says(undefined))).key, unknown.key);
  const known = await look(root, says(false));
  assert.equal([known.files, known.vague], [['a'], []]);
  assert.is.not(known.key, unknown.key);
});

test('a base with ONBUILD makes everything count for ever; another digest is another base', async () => {
  const root = project();
  const first = await look(root, says(true));
  assert.equal(first.files, ['.git', '.git/x', 'Dockerfile', 'a']);
  assert.match(first.vague.join(), /has ONBUILD instructions, which run here/);
  assert.is((await look(root)).key, first.key);
  writeFiles(root, { 'c/Dockerfile': `FROM ${named('b')}\nCOPY a /\n` });
  assert.match((await look(root)).vague.join(), /nobody could be asked/);
  asked.length = 0;
  assert.equal((await look(root, says(false))).files, ['a']);
  assert.equal(asked, [`${named('b')} linux/amd64`]);
});

test('where what was remembered is lost, it is asked for again', async () => {
  const root = project();
  const first = await look(root, says(false));
  rmSync(path.join(root, '.cache'), { recursive: true });
  assert.match((await look(root)).vague.join(), /nobody could be asked/);
  assert.is((await look(root, says(false))).key, first.key);
});

test('the engine is asked first, then the registry; who does not answer is not asked again', async () => {
  const said: string[] = [];
  const notices: Notice[] = [];
  const ask = queryEngineThenRegistry(
    {
      triggers: async (reference) => {
        said.push(`engine ${reference}`);
        if (reference.startsWith('gone')) throw new TasksError(3, 'no engine');
        return reference.startsWith('here') ? true : undefined;
      },
    },
    async (reference) => {
      said.push(`registry ${reference}`);
      if (reference.startsWith('down.example')) throw new RegistryError('unreachable', 'no answer');
      if (reference.startsWith('missing')) throw new RegistryError('missing', 'not there');
      return false;
    },
    (notice) => notices.push(notice),
  );
  assert.is(await ask('here/x', 'p'), true);
  assert.is(await ask('there/x', 'p'), false);
  assert.is(await ask('there/x', 'p'), false);
  assert.is(await ask('missing/x', 'p'), undefined);
  assert.is(await ask('down.example/x', 'p'), undefined);
  assert.is(await ask('down.example/y', 'p'), undefined);
  assert.is(await ask('gone/x', 'p'), false);
  assert.is(await ask('here/y', 'p'), false);
  assert.equal(said, [
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

test('a fault of our own is none of theirs', async () => {
  const ask = queryEngineThenRegistry(
    { triggers: async () => undefined },
    async () => Promise.reject(new Error('x')),
    () => undefined,
  );
  try {
    await ask('a', 'p');
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'x');
  }
});

test.run();
