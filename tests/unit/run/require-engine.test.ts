import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { abilitiesOf } from '../../../src/engine/queries.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { FrontendVersion } from '../../../src/model/frontend.ts';
import type { Observations, ObservedImage } from '../../../src/model/observed.ts';
import { requireEngine } from '../../../src/run/require-engine.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('require engine');
const graph = graphOf({
  one: image({ name: 'one', versions: ['1', '2'], context: 'i' }),
  two: image({ name: 'two', context: 'i' }),
});
const steps = [...graph.tasks.values()].map((task) => ({ task }));
const observationsOf = (images: Record<string, Partial<ObservedImage>>): Observations =>
  new Map(
    steps.map(({ task: { id } }) => [id, { kind: 'image', ...images[id] } as unknown as ObservedImage]),
  );
const heredoc = (line: number): Partial<ObservedImage> => ({ features: [{ name: 'heredoc', line }] });
const calls: string[] = [];
const engine = (version: string, frontend: FrontendVersion | undefined) => ({
  ready: async () => void calls.push('ready'),
  abilities: async () => {
    calls.push('abilities');
    return { version, ...(frontend === undefined ? {} : { frontend }), namedContexts: true };
  },
});
const old = engine('20.10.24', { minor: 2, isLabs: false });
const failureOf = async (
  images: Record<string, Partial<ObservedImage>>,
  tested: ReturnType<typeof engine>,
): Promise<TasksError> => {
  const error = await requireEngine(steps, observationsOf(images), tested).then(
    () => assert.unreachable(),
    (thrown: unknown) => thrown,
  );
  assert.instance(error, TasksError);
  assert.is((error as TasksError).exitCode, 3);
  return error as TasksError;
};

test('a feature that the engine does not have is an error that names each place once, and what helps', async () => {
  const { message, hint } = await failureOf({ 'one:1': heredoc(3), 'one:2': heredoc(3) }, old);
  assert.equal(message.split('\n'), [
    'some Dockerfiles use features that their frontend does not have',
    '  i/Dockerfile:3: a heredoc needs version 1.4 (docker 23 or newer), but docker 20.10.24 has 1.2',
  ]);
  assert.match(hint!, /update the engine, or .*"# syntax=docker\/dockerfile:1"/);
});

test('a syntax line counts, and not the engine', async () => {
  const selected = { ...heredoc(4), frontend: 'docker/dockerfile:1.2' };
  const { message, hint } = await failureOf(
    { 'two:latest': selected },
    engine('26.1.5', { minor: 7, isLabs: false }),
  );
  assert.match(message, /:4: a heredoc needs version 1\.4, but the syntax line selects 1\.2$/);
  assert.match(hint!, /change the syntax line to "# syntax=docker\/dockerfile:1"/);
  for (const frontend of ['docker/dockerfile:1', 'docker/dockerfile:1.4', 'docker/dockerfile:1.3-labs'])
    await requireEngine(steps, observationsOf({ 'two:latest': { ...heredoc(4), frontend } }), old);
});

test('an experimental feature needs an experimental frontend', async () => {
  const device = { features: [{ name: 'RUN --device', line: 2 }] };
  const { message, hint } = await failureOf({ 'two:latest': device }, old);
  assert.match(message, /:2: RUN --device needs an experimental version, but docker 20\.10\.24 has 1\.2$/);
  assert.match(hint!, /^start .*docker\/dockerfile:1-labs"/);
});

test('nothing is said of a frontend that is not known', async () => {
  await requireEngine(steps, observationsOf({ 'two:latest': heredoc(1) }), engine('99.0.0', undefined));
  const other = { ...heredoc(1), frontend: 'team/other:1' };
  await requireEngine(steps, observationsOf({ 'two:latest': other }), old);
});

test('the engine is queried only if something is built, its version only if a Dockerfile uses a feature', async () => {
  calls.length = 0;
  await requireEngine([], observationsOf({ 'two:latest': heredoc(1) }), old);
  assert.equal(calls, []);
  await requireEngine(steps, observationsOf({}), old);
  assert.equal(calls, ['ready']);
  await requireEngine(steps, observationsOf({ 'two:latest': heredoc(1) }), engine('26.1.5', undefined));
  assert.equal(calls, ['ready', 'ready', 'abilities']);
});

test('named contexts depend on the API version, not on the engine version', () => {
  const named = (version: string, apiVersion: string): boolean =>
    abilitiesOf({ version, apiVersion, os: 'linux', arch: 'amd64' }).namedContexts;
  assert.is(named('20.10.24+dfsg1', '1.41'), false);
  assert.is(named('library-import', '1.42'), true);
  assert.is(named('29.0.0', '1.52'), true);
  assert.is(named('?', '0.0'), false);
});

test.run();
