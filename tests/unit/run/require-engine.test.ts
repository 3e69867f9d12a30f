import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
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
    return { version: '20.10.24', heredocs, namedContexts: heredocs, runLimits: heredocs };
  },
  grants: async (entitlement: string) => {
    calls.push(entitlement);
    return entitlement !== 'security.insecure';
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

/** Checks the engine for one image with these fields. Returns the message and the hint, or an empty text. */
async function refusalOf(
  fields: Partial<ImageFields<string>>,
  isNew: boolean,
  observed: Partial<ObservedImage> = { usesEngineFrontend: true },
): Promise<string> {
  const { tasks } = graphOf({ app: image({ name: 'app', context: 'i', ...fields }) });
  const observations = new Map([['app:latest', { kind: 'image', ...observed } as ObservedImage]]);
  try {
    await requireEngine([{ task: tasks.get('app:latest')! }], observations, engine(isNew));
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
    /the engine does not allow security.insecure, which is in allow of app \| set \{ .*"security-insecure": true .* in its daemon.json/,
  );
  calls.length = 0;
  assert.is(await refusalOf({ allow: ['network.host'] }, true), '');
  assert.equal(calls, ['ready', 'network.host']);
});

test('abilities depend on the API version, not on the engine version', () => {
  const abilities = (version: string, apiVersion: string): boolean[] => {
    const { heredocs, namedContexts, runLimits } = abilitiesOf({
      version,
      apiVersion,
      os: 'linux',
      arch: 'amd64',
    });
    return [heredocs, namedContexts, runLimits];
  };
  assert.equal(abilities('20.10.24+dfsg1', '1.41'), [false, false, false]);
  assert.equal(abilities('library-import', '1.42'), [true, true, true]);
  assert.equal(abilities('29.0.0', '1.52'), [true, true, true]);
  assert.equal(abilities('?', '0.0'), [false, false, false]);
});

test.run();
