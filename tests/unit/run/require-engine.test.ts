import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
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
    const runLimits = frontend === undefined || frontend.minor >= 4;
    return {
      version,
      platform: 'linux/amd64',
      ...(frontend === undefined ? {} : { frontend }),
      namedContexts: runLimits,
      runLimits,
    };
  },
  grants: async (entitlement: string) => {
    calls.push(entitlement);
    return entitlement !== 'security.insecure';
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

/** Checks the engine for one image with these fields. Returns the message and the hint, or an empty text. */
async function refusalOf(
  fields: Partial<ImageFields<string>>,
  isNew: boolean,
  observed: Partial<ObservedImage> = { usesEngineFrontend: true },
): Promise<string> {
  const { tasks } = graphOf({ app: image({ name: 'app', context: 'i', ...fields }) });
  const observations = new Map([['app:latest', { kind: 'image', ...observed } as ObservedImage]]);
  try {
    await requireEngine(
      [{ task: tasks.get('app:latest')! }],
      observations,
      isNew ? engine('26.1.5', { minor: 7, isLabs: false }) : old,
    );
    return '';
  } catch (error) {
    assert.instance(error, TasksError);
    assert.is((error as TasksError).exitCode, 3);
    return `${(error as TasksError).message} | ${(error as TasksError).hint}`;
  }
}

test('fields that the engine does not support are an error that says which, and what helps', async () => {
  const limits = { shmSize: '1g', ulimits: ['nofile=1'], cgroupParent: '/x' };
  assert.match(
    await refusalOf({ contexts: { a: 'a' }, ...limits }, false),
    /docker 23 or newer, but the engine is docker 20.10.24\n {2}tasks\/images.ts: contexts of app\n.*: shmSize of app\n.*: ulimits of app\n.*: cgroupParent of app \| update the engine, or start the Dockerfile with.*; leave shmSize, ulimits and cgroupParent out$/,
  );
  assert.is(await refusalOf({ contexts: { a: 'a' }, ...limits }, true), '');
  assert.is(await refusalOf({ addHosts: ['db:10.0.0.1'], ssh: { default: { agent: true } } }, false), '');
});

test('a frontend in the syntax line reads named contexts on any engine, but an old engine sets no limits for it', async () => {
  assert.is(await refusalOf({ contexts: { a: 'a' } }, false, {}), '');
  assert.match(await refusalOf({ shmSize: '1g' }, false, {}), 'shmSize of app');
});

test('an entitlement that the engine does not allow is an error with the setting that allows it', async () => {
  assert.match(
    await refusalOf({ allow: ['security.insecure', 'network.host'] }, true),
    /the engine does not allow security.insecure, which app needs \| set \{ .*"security-insecure": true .* in its daemon.json/,
  );
  calls.length = 0;
  assert.is(await refusalOf({ allow: ['network.host'] }, true), '');
  assert.equal(calls, ['ready', 'network.host']);
  calls.length = 0;
  assert.is(await refusalOf({ network: 'host' }, true), '');
  assert.equal(calls, ['ready', 'network.host']);
});

test('abilities depend on the API version, not on the engine version', () => {
  const abilities = (version: string, apiVersion: string): boolean[] => {
    const { namedContexts, runLimits } = abilitiesOf({
      version,
      apiVersion,
      os: 'linux',
      arch: 'amd64',
    });
    return [namedContexts, runLimits];
  };
  assert.equal(abilities('20.10.24+dfsg1', '1.41'), [false, false]);
  assert.equal(abilities('library-import', '1.42'), [true, true]);
  assert.equal(abilities('29.0.0', '1.52'), [true, true]);
  assert.equal(abilities('?', '0.0'), [false, false]);
});

test.run();
