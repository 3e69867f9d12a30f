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

const test = suite('watch');

/** Starts a watch whose runs, changes and time are controlled by the test. */
function startWatch() {
  const interrupt = new AbortController();
  const runs: (readonly string[])[] = [];
  const watched = new Set<string>();
  let endRun = (_paths: readonly string[]): void => undefined;
  let failRun = (_error: Error): void => undefined;
  let endSleep = (): void => undefined;
  let onChange = (_path: string): void => undefined;
  const watch = {
    runs,
    sleeps: 0,
    isClosed: false,
    interrupt: () => interrupt.abort(new Error('interrupted')),
    change: (...paths: string[]) => {
      for (const each of paths) onChange(each);
    },
    endRun: async (...paths: string[]) => {
      endRun(paths);
      await idle();
    },
    failRun: async (error: Error) => {
      failRun(error);
      await idle();
    },
    endSleep: async () => {
      endSleep();
      await idle();
    },
    ended: Promise.resolve() as Promise<void>,
  };
  watch.ended = watchAndRun({
    openWatcher: (listener) => {
      onChange = listener;
      return {
        watch: async (paths) => {
          const before = watched.size;
          for (const each of paths) watched.add(each);
          return watched.size > before;
        },
        close: async () => {
          watch.isClosed = true;
        },
      };
    },
    run: (changed) => {
      runs.push(changed);
      return new Promise((resolve, reject) => ([endRun, failRun] = [resolve, reject]));
    },
    clock: {
      sleep: (_, signal) => {
        watch.sleeps++;
        return new Promise((resolve, reject) => {
          endSleep = resolve;
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
    },
    signal: interrupt.signal,
  });
  return watch;
}
/** Resolves when all pending promises have been handled. */
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('it runs at once, again once the paths are watched, and after each change', async () => {
  const watch = startWatch();
  await watch.endRun('a');
  assert.equal(watch.runs, [[], []], 'changes before the paths were watched would be missed');
  await watch.endRun('a');
  assert.is(watch.runs.length, 2);
  watch.change('a/x');
  await idle();
  await watch.endSleep();
  assert.equal(watch.runs[2], ['a/x']);
  watch.interrupt();
  await watch.endRun('a');
  await watch.ended;
  assert.is(watch.isClosed, true);
});

test('changes in quick succession cause one run', async () => {
  const watch = startWatch();
  await watch.endRun();
  watch.change('x', 'y');
  await idle();
  watch.change('z', 'x');
  await watch.endSleep();
  assert.equal([watch.runs.length, watch.sleeps], [1, 2]);
  await watch.endSleep();
  assert.equal(watch.runs[1], ['x', 'y', 'z']);
  watch.interrupt();
  await watch.endRun();
  await watch.ended;
});

test('a change during a run does not interrupt it but causes another run', async () => {
  const watch = startWatch();
  watch.change('x');
  await idle();
  assert.is(watch.runs.length, 1);
  await watch.endRun();
  await watch.endSleep();
  assert.equal(watch.runs, [[], ['x']]);
  await watch.endRun();
  await idle();
  assert.is(watch.runs.length, 2, 'no change, no run');
  watch.interrupt();
  await watch.ended;
});

test('an interrupt ends the watch while it waits, while it debounces, and after a run', async () => {
  const waiting = startWatch();
  await waiting.endRun();
  waiting.interrupt();
  await waiting.ended;

  const debouncing = startWatch();
  await debouncing.endRun();
  debouncing.change('x');
  await idle();
  debouncing.interrupt();
  await debouncing.ended;
  assert.is(debouncing.runs.length, 1);
});

test('a run that throws ends the watch and closes the watcher', async () => {
  const watch = startWatch();
  const ended = watch.ended.then(
    () => 'no error',
    (error: Error) => error.message,
  );
  await watch.failRun(new Error('bad'));
  assert.is(await ended, 'bad');
  assert.is(watch.isClosed, true);
});

test('watched paths are contexts, Dockerfiles, ignore files, programs and inputs, but not secrets or .cache', () => {
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

test('watched paths include inputs in folders that are otherwise ignored, and names with glob characters', () => {
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

test('links in the path of an import are watched', () => {
  const root = realpathSync(tempFolder());
  writeFiles(root, { 'v1/x': '', hop: { link: 'v1' }, now: { link: 'hop' } });
  assert.equal(
    linksOnPath(path.join(root, 'now'), root),
    ['now', 'hop'].map((name) => path.join(root, name)),
  );
  assert.equal(linksOnPath(path.join(root, 'v1'), root), []);
});

test('links and their targets are watched, even if a target does not exist', () => {
  const root = realpathSync(tempFolder());
  const outside = realpathSync(tempFolder());
  writeFiles(root, {
    'common/data': '',
    'src/hop': { link: '../common/data' },
    'src/twice': { link: 'hop' },
    'src/missing': { link: '../not/yet' },
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
    'src/missing',
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
