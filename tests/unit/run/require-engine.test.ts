import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { readCapabilities } from '../../../src/engine/queries.ts';
import { timeouts } from '../../../src/engine/timeouts.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { Observations, ObservedImage } from '../../../src/model/observed.ts';
import { requireEngine } from '../../../src/run/require-engine.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('whether an engine can build');
const graph = graphOf({
  one: image({ name: 'one', versions: ['1', '2'], context: 'i' }),
  two: image({ name: 'two', context: 'i' }),
});
const steps = [...graph.tasks.values()].map((task) => ({ task }));
const seen = (heredocs: Record<string, number>): Observations =>
  new Map(
    steps.map(({ task: { id } }) => [
      id,
      {
        kind: 'image',
        ...(heredocs[id] ? { newSyntax: { what: 'a heredoc', line: heredocs[id] } } : {}),
      } as unknown as ObservedImage,
    ]),
  );
const asked: string[] = [];
const engine = (heredocs: boolean) => ({
  ready: async () => void asked.push('ready'),
  abilities: async () => {
    asked.push('abilities');
    return { version: '20.10.24', heredocs };
  },
});

test('a heredoc that the engine does not know ends a run before it begins, and names each place once', async () => {
  try {
    await requireEngine(steps, seen({ 'one:1': 3, 'one:2': 3 }), engine(false));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TasksError);
    const { exitCode, message, hint } = error as TasksError;
    assert.is(exitCode, 3);
    assert.match(
      message,
      /docker 23 or newer, and the engine is docker 20\.10\.24\n {2}i\/Dockerfile:3: a heredoc$/,
    );
    assert.match(hint!, /syntax=docker\/dockerfile:1/);
  }
});

test('an engine is asked only where something is built, and what it can only for a heredoc', async () => {
  asked.length = 0;
  await requireEngine([], seen({ 'two:latest': 1 }), engine(false));
  assert.equal(asked, []);
  await requireEngine(steps, seen({}), engine(false));
  assert.equal(asked, ['ready']);
  await requireEngine(steps, seen({ 'two:latest': 1 }), engine(true));
  assert.equal(asked, ['ready', 'ready', 'abilities']);
});

test('what an engine can is told by its API, whatever a distribution calls its version', async () => {
  const says = async (answer: object): Promise<boolean> => {
    const request = async () => ({ status: 200, body: Buffer.from(JSON.stringify(answer)) });
    return (await readCapabilities({ request, get: request, timeouts: timeouts })).heredocs;
  };
  assert.is(await says({ Version: '20.10.24+dfsg1', ApiVersion: '1.41' }), false);
  assert.is(await says({ Version: 'library-import', ApiVersion: '1.42' }), true);
  assert.is(await says({ Version: '29.0.0', ApiVersion: '1.52' }), true);
  assert.is(await says({ Version: '?' }), false);
});

test.run();
