import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { Definition } from '../../../src/define/types.ts';
import { linkImpliedNeeds } from '../../../src/graph/implied-needs.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import type { ImageName } from '../../../src/model/observed.ts';
import { normalizeReference } from '../../../src/model/reference.ts';
import { needIds } from '../../../src/model/task.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('implied needs');
const digest = `sha256:${'a'.repeat(64)}`;

const base = image({
  name: 'base',
  versions: ['1', '2~rc1'],
  context: 'b',
  aliases: (v) => (v === '1' ? ['old', 'latest'] : []),
});
const hidden = image({ name: 'hidden', versions: ['1'], context: 'h', publish: false });
const files = image({ name: 'files', versions: ['1'], context: 'f', output: 'files' });
const app = image({ name: 'app', versions: ['1'], context: 'a' });

const from = (...references: string[]): ImageName[] =>
  references.map((reference) => ({ reference, place: 'FROM' }));

function link(
  names: Readonly<Record<string, ImageName[]>>,
  exports: Readonly<Record<string, Definition>> = { base, hidden, files, app },
  repos = ['citus'],
) {
  return linkImpliedNeeds(graphOf(exports), new Map(Object.entries(names)), repos, () => undefined);
}

const needed = (reference: string, repos?: string[]): string => {
  const { graph } = link({ 'app:1': from(reference) }, undefined, repos);
  return needIds(graph.tasks.get('app:1')!).join();
};

/** Returns the message of the DefinitionError for the given names. */
function errorOf(...args: Parameters<typeof link>): string {
  try {
    link(...args);
  } catch (error) {
    assert.instance(error, DefinitionError);
    assert.is((error as DefinitionError).exitCode, 2);
    return (error as Error).message;
  }
  throw new Error('the names were accepted');
}

/** [a name in the Dockerfile of app:1, the task that it refers to] */
const names: [string, string][] = [
  ['citus/base:1', 'base:1'],
  ['docker.io/citus/base:1', 'base:1'],
  ['index.docker.io/citus/base:1', 'base:1'],
  ['citus/base:2rc1', 'base:2~rc1'],
  ['citus/base:old', 'base:1'],
  ['citus/base:latest', 'base:1'],
  ['citus/base', 'base:1'],
  ['citus/base:3', ''],
  ['citus/base:1-dev202611281200', ''],
  [`citus/base@${digest}`, ''],
  [`citus/base:1@${digest}`, ''],
  ['base:1', ''],
  ['other/base:1', ''],
  ['quay.io/citus/base:1', ''],
  ['citus/hidden:1', ''],
  ['citus/files:1', ''],
  ['$X', ''],
  ['', ''],
];
for (const [name, task] of names)
  test(`the image name "${name}" refers to ${task || 'no task'}`, () => assert.is(needed(name), task));

test('names match under the repository of the project and of the run', () => {
  assert.is(needed('citus/base:1', ['citus', 'localhost:5000/team']), 'base:1');
  assert.is(needed('localhost:5000/team/base:1', ['citus', 'localhost:5000/team']), 'base:1');
  assert.is(needed('localhost:5000/base:1', ['localhost:5000']), 'base:1');
  assert.is(needed('base:1', ['docker.io/library']), 'base:1');
  assert.is(needed('docker.io/library/base:1', ['library']), 'base:1');
  // Host names are case-insensitive.
  assert.is(needed('registry.example/team/base:1', ['Registry.Example/team']), 'base:1');
});

test('a need without a tag refers to an image if the Dockerfile names that image and has no such ARG', () => {
  const user = image({ name: 'user', versions: ['1'], context: 'u', needs: { debian: base.at('1') } });
  const isReference = (name: ImageName): boolean | undefined =>
    link({ 'user:1': [name] }, { user, base }).graph.tasks.get('user:1')!.needs[0]!.isReference;
  assert.is(isReference({ reference: 'debian', place: 'COPY --from' }), true);
  assert.is(isReference({ reference: 'debian', place: 'FROM', isArg: true }), undefined);
  assert.is(isReference({ reference: 'debian:12', place: 'FROM' }), undefined);
});

test('nested repositories are all searched', () => {
  const inner = image({ name: 'sub/base', versions: ['1'], context: 's' });
  const exports = { base, app, inner };
  const needFor = (reference: string): string =>
    needIds(
      link({ 'app:1': from(reference) }, exports, ['citus', 'citus/sub']).graph.tasks.get('app:1')!,
    ).join();
  assert.is(needFor('citus/base:1'), 'base:1');
  assert.is(needFor('citus/sub/base:old'), 'base:1');
  assert.match(
    errorOf({ 'app:1': from('citus/sub/base:1') }, exports, ['citus', 'citus/sub']),
    /an alias of several tasks in this project/,
  );
});

test('implied needs are added to declared needs, dependents and the order of the graph', () => {
  const tool = image({ name: 'tool', versions: ['1'], context: 't' });
  const user = image({ name: 'auser', versions: ['1'], context: 'u', needs: { TOOL: tool } });
  const { graph, needs } = link(
    {
      'auser:1': [...from('citus/base:1', 'citus/base:1'), { reference: 'citus/base', place: 'COPY --from' }],
    },
    { user, tool, base },
  );
  const task = graph.tasks.get('auser:1')!;
  assert.equal(
    task.needs.map(({ name, kind, isReference, tasks }) => [name, kind, isReference, tasks.join()]),
    [
      ['TOOL', 'image', undefined, 'tool:1'],
      ['citus/base:1', 'image', true, 'base:1'],
      ['citus/base', 'image', true, 'base:1'],
    ],
  );
  assert.equal(graph.dependents.get('base:1'), ['auser:1']);
  const order = [...graph.tasks.keys()];
  assert.ok(order.indexOf('base:1') < order.indexOf('auser:1'), order.join());
  assert.equal(
    needs.map(({ place, reference, need }) => [place, reference, need]),
    [
      ['FROM', 'citus/base:1', 'base:1'],
      ['COPY --from', 'citus/base', 'base:1'],
    ],
  );
});

test('without implied needs the graph is unchanged', () => {
  const graph = graphOf({ base, app });
  assert.is(
    linkImpliedNeeds(graph, new Map([['app:1', from('debian')]]), ['citus'], () => undefined).graph,
    graph,
  );
});

test("naming a task's own image is an error; naming another version is a need", () => {
  assert.match(
    errorOf({ 'base:1': from('citus/base:old') }),
    /base › dockerfile: b\/Dockerfile builds base:1 from its own image\n {2}found: +FROM citus\/base:old/,
  );
  const { graph } = link({ 'base:2~rc1': from('citus/base:1') });
  assert.equal(needIds(graph.tasks.get('base:2~rc1')!), ['base:1']);
});

test('the error for a cycle shows its path and the Dockerfiles involved', () => {
  const needing = image({ name: 'app', versions: ['1'], context: 'a', needs: { BASE: base.at('1') } });
  assert.match(
    errorOf({ 'base:1': from('citus/app:1') }, { base, needing }),
    /dependency cycle: base:1 -> app:1 -> base:1\n {2}found: +b\/Dockerfile names citus\/app:1\n/,
  );
});

test('an alias of several versions refers to the version that gets it, and is an error if none does', () => {
  const many = image({ name: 'many', versions: ['1', '2'], context: 'm', aliases: () => ['stable'] });
  assert.match(
    errorOf({ 'app:1': from('citus/many:stable') }, { many, app }),
    /an alias of several tasks in this project\n {2}found: +FROM citus\/many:stable: many:1, many:2/,
  );
  const namesOfTasks = new Map([['app:1', from('citus/many:stable')]]);
  const { graph } = linkImpliedNeeds(graphOf({ many, app }), namesOfTasks, ['citus'], ({ name, alias }) =>
    name === 'many' && alias === 'stable' ? 'many:2' : undefined,
  );
  assert.equal(needIds(graph.tasks.get('app:1')!), ['many:2']);
});

test('property: all forms of a Docker Hub name are normalized to the same reference', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,5}$/);
  fc.assert(
    fc.property(word, fc.option(word), fc.option(word), (name, user, tag) => {
      const full = `docker.io/${user ?? 'library'}/${name}:${tag ?? 'latest'}`;
      const end = tag === null ? '' : `:${tag}`;
      const paths = user === null ? [name, `library/${name}`] : [`${user}/${name}`];
      for (const path of paths)
        for (const host of ['', 'docker.io/', 'index.docker.io/']) {
          if (user === 'localhost' && host === '') continue;
          assert.is(normalizeReference(`${host}${path}${end}`), full);
        }
    }),
  );
});

test.run();
