import { realpathSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { makeGraph } from '../../../src/graph/graph.ts';
import { isIgnoredPath, linksOnPath, watchedPaths } from '../../../src/observe/watch-paths.ts';
import { watchAndRun } from '../../../src/run/watch.ts';
import { declare } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('watching');

/** A watch whose looks, changes and time are driven by hand. */
function makeHand() {
  const interrupt = new AbortController();
  const looks: (readonly string[])[] = [];
  const watched = new Set<string>();
  let endLook = (_paths: readonly string[]): void => undefined;
  let failLook = (_error: Error): void => undefined;
  let endSleep = (): void => undefined;
  let onChange = (_path: string): void => undefined;
  const hand = {
    looks,
    sleeps: 0,
    isClosed: false,
    interrupt: () => interrupt.abort(new Error('interrupted')),
    change: (...paths: string[]) => {
      for (const each of paths) onChange(each);
    },
    endLook: async (...paths: string[]) => {
      endLook(paths);
      await idle();
    },
    failLook: async (error: Error) => {
      failLook(error);
      await idle();
    },
    endSleep: async () => {
      endSleep();
      await idle();
    },
    ended: Promise.resolve() as Promise<void>,
  };
  hand.ended = watchAndRun({
    openWatcher: (listen) => {
      onChange = listen;
      return {
        watch: async (paths) => {
          const before = watched.size;
          for (const each of paths) watched.add(each);
          return watched.size > before;
        },
        close: async () => {
          hand.isClosed = true;
        },
      };
    },
    run: (changed) => {
      looks.push(changed);
      return new Promise((resolve, reject) => ([endLook, failLook] = [resolve, reject]));
    },
    clock: {
      sleep: (_, signal) => {
        hand.sleeps++;
        return new Promise((resolve, reject) => {
          endSleep = resolve;
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
    },
    signal: interrupt.signal,
  });
  return hand;
}
/** Everything that can go on without time has gone on. */
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('it looks at once, again when the paths are watched, and then after a change', async () => {
  const hand = makeHand();
  await hand.endLook('a');
  assert.equal(hand.looks, [[], []], 'what changed before it was watched would be missed');
  await hand.endLook('a');
  assert.is(hand.looks.length, 2);
  hand.change('a/x');
  await idle();
  await hand.endSleep();
  assert.equal(hand.looks[2], ['a/x']);
  hand.interrupt();
  await hand.endLook('a');
  await hand.ended;
  assert.is(hand.isClosed, true);
});

test('many changes are one: it waits until nothing came for a moment', async () => {
  const hand = makeHand();
  await hand.endLook();
  hand.change('x', 'y');
  await idle();
  hand.change('z', 'x');
  await hand.endSleep();
  assert.equal([hand.looks.length, hand.sleeps], [1, 2]);
  await hand.endSleep();
  assert.equal(hand.looks[1], ['x', 'y', 'z']);
  hand.interrupt();
  await hand.endLook();
  await hand.ended;
});

test('a change during a look does not cut it short; the next look sees it', async () => {
  const hand = makeHand();
  hand.change('x');
  await idle();
  assert.is(hand.looks.length, 1);
  await hand.endLook();
  await hand.endSleep();
  assert.equal(hand.looks, [[], ['x']]);
  await hand.endLook();
  await idle();
  assert.is(hand.looks.length, 2, 'no change, no look');
  hand.interrupt();
  await hand.ended;
});

test('an interrupt ends it while it waits, while it debounces, and after a look', async () => {
  const waiting = makeHand();
  await waiting.endLook();
  waiting.interrupt();
  await waiting.ended;

  const debouncing = makeHand();
  await debouncing.endLook();
  debouncing.change('x');
  await idle();
  debouncing.interrupt();
  await debouncing.ended;
  assert.is(debouncing.looks.length, 1);
});

test('a look that throws ends it, and the watcher is closed', async () => {
  const hand = makeHand();
  const ended = hand.ended.then(
    () => 'well',
    (error: Error) => error.message,
  );
  await hand.failLook(new Error('bad'));
  assert.is(await ended, 'bad');
  assert.is(hand.isClosed, true);
});

test('what is watched: contexts, Dockerfiles, their ignore files, programs, inputs; not secrets, not our own state', () => {
  const base = image({
    name: 'base',
    context: 'images/base',
    dockerfile: 'docker/Dockerfile',
    secrets: { token: { file: 'secret/token' } },
  });
  const files = command({ name: 'files', run: ['./bin/make', 'x'], inputs: ['src/**/*.c', 'Makefile'] });
  const other = command({ name: 'other', run: ['true'], inputs: ['elsewhere'] });
  const graph = makeGraph(declare({ base, files, other }), 'linux/amd64');
  assert.equal(watchedPaths(graph, ['base:latest', 'files:latest'], '/p'), [
    '/p/images/base',
    '/p/docker/Dockerfile',
    '/p/docker/Dockerfile.dockerignore',
    '/p/src',
    '/p/Makefile',
    '/p/bin/make',
  ]);
  const own = ['/p/.cache', '/p/.cache/memo', '/p/.git/index', '/p/images/base/node_modules/x/y'];
  assert.ok(own.every((file) => isIgnoredPath(file, '/p')));
  assert.not.ok(['/p', '/p/images/.cache/x', '/p/.gitignore'].some((file) => isIgnoredPath(file, '/p')));
});

test('what is watched: inputs below folders that are ignored elsewhere, names with glob characters', () => {
  const root = realpathSync(tempFolder());
  writeFiles(root, {
    'src/node_modules/x/a': '',
    'src/b/.git/HEAD': '',
    'src/b/c': '',
    'app/[id]/d': '',
  });
  const files = command({ name: 'files', run: ['true'], inputs: ['src/**/[aH]*', 'app/\\[id\\]/d'] });
  const graph = makeGraph(declare({ files }), 'linux/amd64');
  assert.equal(
    watchedPaths(graph, ['files:latest'], root).sort(),
    ['src', 'app', 'src/node_modules', 'src/b/.git'].map((name) => path.join(root, name)).sort(),
  );
});

test('what is watched of definitions: links on the way to what they import', () => {
  const root = realpathSync(tempFolder());
  writeFiles(root, { 'v1/x': '', hop: { link: 'v1' }, now: { link: 'hop' } });
  assert.equal(
    linksOnPath(path.join(root, 'now'), root),
    ['now', 'hop'].map((name) => path.join(root, name)),
  );
  assert.equal(linksOnPath(path.join(root, 'v1'), root), []);
});

test('what is watched where links are: each of them, and where they lead, also where nothing is yet', () => {
  const root = realpathSync(tempFolder());
  const outside = realpathSync(tempFolder());
  writeFiles(root, {
    'common/data': '',
    'src/hop': { link: '../common/data' },
    'src/twice': { link: 'hop' },
    'src/gone': { link: '../not/yet' },
    'src/out': { link: outside },
    'images/app': { link: '../common' },
    'node_modules/.bin/x': { link: '../x/cli.js' },
    'node_modules/x/cli.js': '',
  });
  const files = command({ name: 'files', run: ['node_modules/.bin/x'], inputs: ['src/*'] });
  const app = image({ name: 'app', context: 'images/app' });
  const graph = makeGraph(declare({ files, app }), 'linux/amd64');
  const paths = watchedPaths(graph, ['files:latest', 'app:latest'], root).sort();
  const expected = [
    'src',
    'src/hop',
    'src/twice',
    'src/gone',
    'src/out',
    'common/data',
    'not/yet',
    'node_modules/.bin/x',
    'node_modules/x/cli.js',
    'images/app',
    'common',
    'images/app/Dockerfile',
    'common/Dockerfile',
    'images/app/Dockerfile.dockerignore',
    'common/Dockerfile.dockerignore',
  ];
  assert.equal(paths, [outside, ...expected.map((name) => path.join(root, name))].sort());
});

test.run();
