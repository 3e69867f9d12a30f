import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image, matrix, project } from '../../../src/define/index.ts';
import type { Definition } from '../../../src/define/types.ts';
import { resolveProject } from '../../../src/graph/graph.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { needIds } from '../../../src/model/task.ts';
import { declare, graphOf, graphOfNeeds } from '../../support/graphs.ts';

const test = suite('graph');

/** Returns the message of the DefinitionError for the given exports. */
function errorOf(exports: Readonly<Record<string, Definition>>): string {
  try {
    graphOf(exports);
  } catch (error) {
    assert.instance(error, DefinitionError);
    assert.is((error as DefinitionError).exitCode, 2);
    return (error as Error).message;
  }
  throw new Error('the graph was accepted');
}

function needsOf(exports: Readonly<Record<string, Definition>>, id: string): readonly string[] {
  return needIds(graphOf(exports).tasks.get(id)!);
}

test('each version becomes a task; without versions there is one task `latest`', () => {
  const graph = graphOf({
    a: image({ name: 'a', versions: ['1', '2'], context: 'a' }),
    b: command({ name: 'b', run: ['x'] }),
  });
  assert.equal([...graph.tasks.keys()], ['a:1', 'a:2', 'b:latest']);
});

test('a plain need refers to the same version or, if there is none, to the only version', () => {
  const base = image({ name: 'base', versions: ['1', '2'], context: 'b' });
  const only = image({ name: 'only', versions: ['9'], context: 'b' });
  const app = image({ name: 'app', versions: ['1', '2'], context: 'a', needs: { BASE: base, ONLY: only } });
  assert.equal(needsOf({ base, only, app }, 'app:2'), ['base:2', 'only:9']);
});

test('matrix cells match on shared axes', () => {
  const cells = matrix(
    { pg: ['15', '17'], distro: ['bookworm', 'trixie'] },
    { version: (c) => `${c.pg}-${c.distro}` },
  );
  const base = image({
    name: 'base',
    versions: matrix({ distro: ['bookworm', 'trixie'] }, { version: (c) => c.distro }),
    context: 'b',
  });
  const server = image({
    name: 'server',
    versions: cells,
    context: (c) => `s/${c.distro}`,
    args: (c) => ({ PG: c.pg }),
    needs: { BASE: base },
  });
  const top = image({ name: 'top', versions: cells, context: 't', needs: { SERVER: server } });
  assert.equal(needsOf({ base, server, top }, 'server:17-trixie'), ['base:trixie']);
  assert.equal(needsOf({ base, server, top }, 'top:15-trixie'), ['server:15-trixie']);
});

test('a need of an excluded cell is an error that lists the existing versions', () => {
  const axes = { pg: ['15', '17'], distro: ['bookworm', 'trixie'] } as const;
  const version = (c: { pg: string; distro: string }) => `${c.pg}-${c.distro}`;
  const all = matrix(axes, { version });
  const some = matrix(axes, { version, exclude: (c) => c.pg === '15' && c.distro === 'trixie' });
  const base = image({ name: 'base', versions: some, context: 'b' });
  assert.equal(
    [...graphOf({ base }).tasks.keys()],
    ['base:15-bookworm', 'base:17-bookworm', 'base:17-trixie'],
  );
  assert.match(
    errorOf({ base, app: image({ name: 'app', versions: all, context: 'a', needs: { BASE: base } }) }),
    /15-trixie|base:15-bookworm, base:17-bookworm/,
  );
});

test('at() takes a version or a cell; needs may be functions of the version', () => {
  const cells = matrix({ pg: ['15', '17'] }, { version: (c) => `pg${c.pg}` });
  const app: Definition = image({
    name: 'app',
    versions: ['1', '2'],
    context: 'a',
    needs: {
      BASE: () => base.at(`pg17`),
      PREVIOUS: (v: string) => (v === '2' ? app.at('1') : base.at({ pg: '15' })),
    },
  });
  const base = image({ name: 'base', versions: cells, context: 'b' });
  assert.equal(needsOf({ app, base }, 'app:2'), ['base:pg17', 'app:1']);
  assert.equal(needsOf({ app, base }, 'app:1'), ['base:pg17', 'base:pg15']);
});

test('all() adds all tasks that match on the axes as one files need', () => {
  const cells = matrix({ pg: ['15', '17'], citus: ['a', 'b'] }, { version: (c) => `${c.pg}-${c.citus}` });
  const tars = command({ name: 'tars', versions: cells, run: ['x'] });
  const app = image({ name: 'app', context: 'a', needs: { tars: tars.all({ pg: '17' }) } });
  const need = graphOf({ tars, app }).tasks.get('app:latest')!.needs[0]!;
  assert.equal(need, { name: 'tars', kind: 'files', all: true, tasks: ['tars:17-a', 'tars:17-b'] });
});

test('all() of images is an error', () => {
  const base = image({ name: 'base', versions: ['1', '2'], context: 'b' });
  assert.match(
    errorOf({ base, app: image({ name: 'app', context: 'a', needs: { BASE: base.all() } }) }),
    /a build arg cannot hold several images/,
  );
});

test("an image with output: 'files' is a files need and is not published", () => {
  const made = image({ name: 'made', context: 'm', output: 'files' });
  const app = image({ name: 'app', context: 'a', needs: { made } });
  const graph = graphOf({ made, app });
  assert.is(graph.tasks.get('app:latest')!.needs[0]!.kind, 'files');
  assert.is(graph.tasks.get('made:latest')!.publish, false);
});

test('`after` affects the order but adds no need', () => {
  const first = image({ name: 'first', versions: ['1', '2'], context: 'a' });
  const second = image({ name: 'second', versions: ['2'], context: 'a', after: [first] });
  const graph = graphOf({ second, first });
  assert.equal(graph.tasks.get('second:2')!.after, ['first:2']);
  assert.equal(needIds(graph.tasks.get('second:2')!), []);
  assert.ok([...graph.tasks.keys()].indexOf('first:2') < [...graph.tasks.keys()].indexOf('second:2'));
});

test('the error for an unknown field names the file, definition, field and closest known field', () => {
  const message = errorOf({ app: image({ name: 'app', context: 'a', arg: {} } as never) });
  assert.match(message, /tasks\/images\.ts › app › arg: unknown field/);
  assert.match(message, /did you mean args/);
});

test('retries must be a whole number from 0 to 10', () => {
  for (const retries of [-1, 1.5, 11, '2'])
    assert.match(
      errorOf({ app: image({ name: 'app', context: 'a', retries } as never) }),
      /retries: wrong value/,
    );
  assert.is(
    graphOf({ app: image({ name: 'app', context: 'a', retries: 2 }) }).tasks.get('app:latest')!.retries,
    2,
  );
});

test("several versions may share an alias, but an alias must not be a version's tag", () => {
  const versions = ['16.13', '17.9'];
  const pg = (aliases: readonly string[]) => ({ pg: image({ name: 'pg', versions, context: 'a', aliases }) });
  assert.equal(graphOf(pg(['latest'])).tasks.get('pg:17.9')?.tags, ['17.9']);
  assert.match(errorOf(pg(['16.13'])), /the alias pg:16\.13 of pg:17\.9 is a tag of pg:16\.13/);
  assert.match(errorOf(pg(['a b'])), /aliases: not a valid tag/);
  for (const tag of [
    `1-k${'a'.repeat(12)}`,
    `1-k${'a'.repeat(12)}-t${'b'.repeat(12)}`,
    `sha256-${'0'.repeat(64)}`,
  ])
    assert.match(errorOf(pg([tag])), /aliases: not a valid tag[\s\S]*does not look like a content tag/);
});

test('versions that share an alias must have an order', () => {
  const pg = (...versions: string[]) => ({
    pg: image({ name: 'pg', versions, context: 'a', aliases: ['x'] }),
  });
  graphOf(pg('16.1', '17.9', '18beta1'));
  graphOf(pg('16-bookworm', '17-bookworm'));
  for (const versions of [
    ['17-bookworm', '17-trixie'],
    ['18', '18.0'],
    ['16', 'nightly'],
    ['16', '17-a', '18'],
  ])
    assert.match(errorOf(pg(...versions)), /aliases: pg:\S+ and pg:\S+ share the alias pg:x, and neither/);
});

test('the error for a wrong value says what was found and what was expected', () => {
  const message = errorOf({ app: image({ name: 'app', context: 'a', args: { A: 1 } } as never) });
  assert.match(message, /app › args\.A: wrong value/);
  assert.match(message, /found: +1/);
  assert.match(message, /expected: a string/);
});

test('all errors are reported together', () => {
  const message = errorOf({
    a: image({ name: 'A B', context: 'a' }),
    b: image({ name: 'b', context: '../x' }),
    c: command({ name: 'c', run: [] } as never),
  });
  for (const part of ['"A B"', 'below the project root', 'c › run']) assert.ok(message.includes(part), part);
});

test('a function that throws is an error of its field', () => {
  const args = (): never => {
    throw new Error('no such version');
  };
  assert.match(
    errorOf({ app: image({ name: 'app', context: 'a', args }) }),
    /args: the function threw: Error: no such version \(version latest\)/,
  );
});

test('duplicate task IDs and duplicate tags are errors', () => {
  assert.match(
    errorOf({ a: image({ name: 'app', context: 'a' }), b: image({ name: 'app', context: 'b' }) }),
    /duplicate task app:latest/,
  );
  const tags = () => ['same'];
  assert.match(
    errorOf({ a: image({ name: 'app', versions: ['1', '2'], context: 'a', tags }) }),
    /app:1 and app:2 both write the tag app:same/,
  );
  assert.match(
    errorOf({ a: image({ name: 'app', versions: ['1~rc', '1rc'], context: 'a' }) }),
    /both write the tag/,
  );
});

test('versions must be valid tags after `~` is removed', () => {
  for (const version of ['', '-1', '.1', 'a b', 'ä', 'x'.repeat(129)]) {
    assert.match(
      errorOf({ app: image({ name: 'app', versions: [version], context: 'a' }) }),
      /not a valid version/,
      version,
    );
  }
  assert.equal(
    graphOf({ app: image({ name: 'app', versions: ['18~beta1'], context: 'a' }) }).tasks.get('app:18~beta1')!
      .tags,
    ['18beta1'],
  );
});

test('a need that is not exported, undefined or of an unknown version is an error', () => {
  const base = image({ name: 'base', versions: ['1', '2'], context: 'b' });
  assert.match(
    errorOf({ app: image({ name: 'app', context: 'a', needs: { BASE: base } }) }),
    /unknown need: "base" is not exported/,
  );
  assert.match(
    errorOf({ app: image({ name: 'app', context: 'a', needs: { BASE: undefined as never } }) }),
    /needs\.BASE: unknown need/,
  );
  assert.match(
    errorOf({ base, app: image({ name: 'app', context: 'a', needs: { BASE: base.at('3') } }) }),
    /no version matches[\s\S]*base:1, base:2/,
  );
});

test('the error for an ambiguous need lists the candidates', () => {
  const base = image({ name: 'base', versions: ['1', '2'], context: 'b' });
  assert.match(
    errorOf({ base, app: image({ name: 'app', versions: ['3'], context: 'a', needs: { BASE: base } }) }),
    /ambiguous need[\s\S]*base:1, base:2/,
  );
});

test('the error for a cycle shows its path', () => {
  const a: Definition = image({ name: 'a', context: 'a', needs: { B: () => b } });
  const b: Definition = image({ name: 'b', context: 'b', needs: { C: () => c } });
  const c: Definition = image({ name: 'c', context: 'c', needs: { A: () => a } });
  assert.match(errorOf({ a, b, c }), /dependency cycle: a:latest -> b:latest -> c:latest -> a:latest/);
});

test('project() may be called once, with valid fields', () => {
  const location = (name: string) => ({ file: 'tasks/images.ts', name });
  const settings = (fields: object) => ({ project: project(fields), where: location('default') });
  const declarations = declare({});
  assert.equal(
    resolveProject({
      ...declarations,
      projects: [settings({ repo: 'localhost:5000/team', cacheRepo: 'team/cache', cacheTo: 'team/steps' })],
    }),
    { repo: 'localhost:5000/team', cacheRepo: 'team/cache', cacheTo: 'team/steps' },
  );
  assert.throws(
    () => resolveProject({ ...declarations, projects: [settings({}), settings({})] }),
    /at most one project\(\)/,
  );
  assert.throws(
    () => resolveProject({ ...declarations, projects: [settings({ repo: 'Not Valid' })] }),
    /not a valid repository/,
  );
  const volatileLabels = { created: 'now' };
  assert.equal(resolveProject({ ...declarations, projects: [settings({ volatileLabels })] }), {
    volatileLabels,
  });
  assert.throws(
    () => resolveProject({ ...declarations, projects: [settings({ volatileLabels: { a: 1 } })] }),
    /volatileLabels\.a: wrong value/,
  );
  assert.throws(
    () => resolveProject({ ...declarations, projects: [settings({ repository: 'x' })] }),
    /repository/,
  );
});

test('property: every task comes after its needs', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const needs = fc.tuple(...names.map((_, index) => fc.subarray(names.slice(0, index))));
  fc.assert(
    fc.property(needs, fc.shuffledSubarray(names, { minLength: names.length }), (lists, order) => {
      const graph = graphOfNeeds(
        Object.fromEntries(order.map((name) => [name, lists[names.indexOf(name)]!])),
      );
      const position = new Map([...graph.tasks.keys()].map((id, index) => [id, index]));
      for (const task of graph.tasks.values()) {
        for (const id of needIds(task)) assert.ok(position.get(id)! < position.get(task.id)!);
      }
    }),
  );
});

test('a chain of 5,000 tasks does not overflow the stack', () => {
  const needs = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [`t${index}`, index + 1 < 5000 ? [`t${index + 1}`] : []]),
  );
  assert.is([...graphOfNeeds(needs).tasks.keys()][0], 't4999:latest');
});

test('an error of several versions is reported once and names the versions', () => {
  const versions = Array.from({ length: 54 }, (_, index) => `${index}`);
  const occurrences = (message: string, text: string): number => message.split(text).length - 1;
  const fixed = errorOf({
    app: image({ name: 'app', versions, context: 'a', platforms: ['linux/arm64', 'linux/arm64/v8'] }),
  });
  assert.is(occurrences(fixed, '› platforms'), 1, fixed);
  const varying = errorOf({
    app: image({
      name: 'app',
      versions,
      context: (v) => (v === '7' ? '/absolute' : 'a'),
      platforms: () => ['linux'],
    }),
  });
  assert.is(occurrences(varying, '› platforms'), 1, varying);
  assert.match(varying, /platforms\.0: wrong value \(versions 0, 1, 2 and 51 more\)/);
  assert.match(varying, /context: wrong value \(version 7\)/);
  const thrown = errorOf({
    app: image({
      name: 'app',
      versions,
      context: 'a',
      args: () => {
        throw new Error('boom');
      },
    }),
  });
  assert.is(occurrences(thrown, 'boom'), 1, thrown);
  const tags = errorOf({ app: image({ name: 'app', versions, context: 'a', tags: () => ['not a tag'] }) });
  assert.is(occurrences(tags, 'not a valid tag'), 1, tags);
  assert.match(tags, /\(versions 0, 1, 2 and 51 more\)/);
  const shared = errorOf({ app: image({ name: 'app', versions, context: 'a', tags: ['x'] }) });
  assert.is(occurrences(shared, 'write the tag'), 1, shared);
  assert.match(shared, /app:0, app:1 and 52 more all write the tag app:x/);
});

test.run();
