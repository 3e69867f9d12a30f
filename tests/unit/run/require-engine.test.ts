import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { abilitiesOf } from '../../../src/engine/queries.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { Observations, ObservedImage } from '../../../src/model/observed.ts';
import { requireEngine } from '../../../src/run/require-engine.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('require engine');
const graph = graphOf({
  one: image({ name: 'one', versions: ['1', '2'], context: 'i' }),
  two: image({ name: 'two', context: 'i' }),
});
const steps = [...graph.tasks.values()].map((task) => ({ task }));
const observationsOf = (heredocs: Record<string, number>): Observations =>
  new Map(
    steps.map(({ task: { id } }) => [
      id,
      {
        kind: 'image',
        ...(heredocs[id] ? { newSyntax: { what: 'a heredoc', line: heredocs[id] } } : {}),
      } as unknown as ObservedImage,
    ]),
  );
const calls: string[] = [];
const engine = (heredocs: boolean) => ({
  ready: async () => void calls.push('ready'),
  abilities: async () => {
    calls.push('abilities');
    return { version: '20.10.24', heredocs, namedContexts: heredocs };
  },
});

test('a heredoc that the engine does not support is an error that names each location once', async () => {
  try {
    await requireEngine(steps, observationsOf({ 'one:1': 3, 'one:2': 3 }), engine(false));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TasksError);
    const { exitCode, message, hint } = error as TasksError;
    assert.is(exitCode, 3);
    assert.match(
      message,
      /docker 23 or newer, but the engine is docker 20\.10\.24\n {2}i\/Dockerfile:3: a heredoc$/,
    );
    assert.match(hint!, /syntax=docker\/dockerfile:1/);
  }
});

test('the engine is queried only if something is built, its capabilities only for a heredoc', async () => {
  calls.length = 0;
  await requireEngine([], observationsOf({ 'two:latest': 1 }), engine(false));
  assert.equal(calls, []);
  await requireEngine(steps, observationsOf({}), engine(false));
  assert.equal(calls, ['ready']);
  await requireEngine(steps, observationsOf({ 'two:latest': 1 }), engine(true));
  assert.equal(calls, ['ready', 'ready', 'abilities']);
});

test('abilities depend on the API version, not on the engine version', () => {
  const abilities = (version: string, apiVersion: string): boolean[] => {
    const { heredocs, namedContexts } = abilitiesOf({ version, apiVersion, os: 'linux', arch: 'amd64' });
    return [heredocs, namedContexts];
  };
  assert.equal(abilities('20.10.24+dfsg1', '1.41'), [false, false]);
  assert.equal(abilities('library-import', '1.42'), [true, true]);
  assert.equal(abilities('29.0.0', '1.52'), [true, true]);
  assert.equal(abilities('?', '0.0'), [false, false]);
});

test.run();
