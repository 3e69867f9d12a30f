import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command } from '../../../src/define/index.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('retries');

/** Returns a project with a command that fails `times` times with a message. */
function makeFailingProject(times: number, retries: number, message: string) {
  const fetch = command({ name: 'fetch', run: ['get-it'], retries });
  const project = makeTestProject({ fetch });
  project.onCommand = async (_request, _signal, progress) => {
    if (project.commands.length > times) return;
    progress.line(message, 'stderr');
    throw new StepFailed('failed with exit code 1', { exitCode: 1 });
  };
  return project;
}

test('a network failure is retried, with a wait that doubles', async () => {
  const project = makeFailingProject(3, 3, 'curl: (6) Could not resolve host: example');
  assert.is((await project.build()).outcome, 'ok');
  assert.equal([project.commands.length, project.slept], [4, [5_000, 10_000, 20_000]]);
  const texts = project.events.flatMap((event) => (event.type === 'task-progress' ? [event.text] : []));
  assert.match(texts[0]!, /network failure: retrying in 5 s \(retry 1 of 3\)/);
});

test('only network failures are retried, and only as often as `retries` says', async () => {
  const cases: [number, string, number][] = [
    [2, 'read: connection reset by peer', 3],
    [2, 'exit code: 2', 1],
    [0, 'read: connection reset by peer', 1],
  ];
  for (const [retries, message, tries] of cases) {
    const project = makeFailingProject(99, retries, message);
    assert.is((await project.build()).outcome, 'failed');
    assert.is(project.commands.length, tries, message);
  }
});

test('a timeout is not retried, even if the output mentions the network', async () => {
  const slow = command({ name: 'slow', run: ['wait-for-it'], timeout: '1s', retries: 2 });
  const project = makeTestProject({ slow });
  project.onCommand = (_request, signal, progress) => {
    progress.line('connection refused by db, waiting');
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  assert.is((await project.build()).outcome, 'failed');
  assert.equal([project.commands.length, project.slept], [1, []]);
});

test.run();
