import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image, matrix } from '../../../src/define/index.ts';
import type { Definition } from '../../../src/define/types.ts';
import { linkImpliedNeeds } from '../../../src/graph/implied-needs.ts';
import { resolveSelectors } from '../../../src/graph/select.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import type { ImageName } from '../../../src/model/observed.ts';
import { needIds, needNameOf } from '../../../src/model/task.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('platforms of tasks');
const both = ['linux/amd64', 'linux/arm64'];
const context = 'c';

type Exports = Readonly<Record<string, Definition>>;
const idsOf = (exports: Exports): string[] => [...graphOf(exports).tasks.keys()];

/** Returns the graph whose Dockerfiles name these images. */
function link(exports: Exports, names: Readonly<Record<string, readonly ImageName[]>> = {}) {
  return linkImpliedNeeds(graphOf(exports), new Map(Object.entries(names)), ['team'], () => undefined).graph;
}

function errorOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.instance(error, DefinitionError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

test('several platforms are tasks of their own; one keeps its id', () => {
  assert.equal(idsOf({ a: image({ name: 'a', versions: ['1', '2'], context, platforms: both }) }), [
    'a:1@linux/amd64',
    'a:1@linux/arm64',
    'a:2@linux/amd64',
    'a:2@linux/arm64',
  ]);
  assert.equal(idsOf({ a: image({ name: 'a', versions: ['1'], context, platforms: ['linux/arm64'] }) }), [
    'a:1',
  ]);
  const some = image({
    name: 'a',
    versions: ['1', '2'],
    context,
    platforms: (v) => (v === '1' ? both : ['linux/amd64']),
  });
  assert.equal(idsOf({ some }), ['a:1@linux/amd64', 'a:1@linux/arm64', 'a:2']);
});

test("this machine's platform counts where none is asked for, or else the first in their order", () => {
  const secondary = (platforms: readonly string[]): string[] =>
    [...graphOf({ a: image({ name: 'a', context, platforms }) }).tasks.values()]
      .filter(({ isSecondary }) => isSecondary)
      .map(({ platform }) => platform!);
  assert.equal(secondary(['linux/arm64', 'linux/amd64']), ['linux/arm64']);
  assert.equal(secondary(['linux/s390x', 'linux/arm64']), ['linux/s390x']);
});

test('a platform that comes twice, by another name too, and no platform, are errors', () => {
  const platforms = (...list: string[]) => ({ a: image({ name: 'a', context, platforms: list }) });
  assert.match(
    errorOf(() => graphOf(platforms('linux/arm64', 'linux/arm64/v8'))),
    /a platform comes twice/,
  );
  assert.match(
    errorOf(() => graphOf(platforms())),
    /at least one platform/,
  );
  assert.match(
    errorOf(() => graphOf(platforms('amd64'))),
    /such as 'linux\/amd64'/,
  );
});

test('selectors: all platforms of a version, or some by pattern and by any name of the platform', () => {
  const graph = graphOf({
    a: image({ name: 'a', versions: ['1', '2'], context, platforms: both }),
    b: image({ name: 'b', versions: ['1'], context, platforms: ['linux/arm64'] }),
    c: command({ name: 'c', run: ['x'] }),
  });
  const select = (...selectors: string[]): string[] => [...resolveSelectors(graph, selectors)];
  assert.equal(select('a:1'), ['a:1@linux/amd64', 'a:1@linux/arm64']);
  assert.equal(select('a:1@linux/arm64'), ['a:1@linux/arm64']);
  assert.equal(select('a@linux/arm64'), ['a:1@linux/arm64', 'a:2@linux/arm64']);
  assert.equal(select('*@linux/arm64'), ['a:1@linux/arm64', 'a:2@linux/arm64', 'b:1']);
  assert.equal(select('@linux/arm*'), ['a:1@linux/arm64', 'a:2@linux/arm64', 'b:1']);
  assert.equal(select('a:2@*/amd64'), ['a:2@linux/amd64']);
  assert.throws(() => select('a@linux/s390x'), /no task matches/);
});

test('needs and after are matched by platform; files that serve all platforms match any', () => {
  const files = command({ name: 'files', run: ['x'] });
  const made = command({ name: 'made', run: ['x'], platforms: both });
  const base = image({ name: 'base', versions: ['1', '2'], context, platforms: both });
  const app = image({
    name: 'app',
    versions: ['1', '2'],
    context,
    platforms: both,
    needs: { BASE: base, files, made },
    after: [base],
  });
  const graph = link({ files, made, base, app });
  assert.equal(needIds(graph.tasks.get('app:2@linux/arm64')!), [
    'base:2@linux/arm64',
    'files:latest',
    'made:latest@linux/arm64',
  ]);
  assert.equal(graph.tasks.get('app:2@linux/arm64')!.after, ['base:2@linux/arm64']);
  const all = command({ name: 'all', run: ['x'], needs: { made }, platforms: ['linux/arm64'] });
  const one = command({ name: 'one', run: ['x'], needs: { made, base: base.at('1') } });
  const commands = link({ made, base, all, one });
  assert.equal(needIds(commands.tasks.get('all:latest')!), ['made:latest@linux/arm64']);
  assert.equal(
    needIds(commands.tasks.get('one:latest')!),
    ['made:latest@linux/amd64', 'base:1@linux/amd64'],
    'that of this machine, as it has no platform of its own',
  );
});

test('axes of a matrix and platforms are matched together', () => {
  const cells = matrix({ pg: ['16', '17'], distro: ['a', 'b'] }, { version: (c) => `${c.pg}-${c.distro}` });
  const distros = matrix({ distro: ['a', 'b'] }, { version: (c) => c.distro });
  const base = image({ name: 'base', versions: distros, context, platforms: both });
  const app = image({ name: 'app', versions: cells, context, platforms: both, needs: { BASE: base } });
  const graph = link({ base, app });
  assert.equal(needIds(graph.tasks.get('app:17-b@linux/arm64')!), ['base:b@linux/arm64']);
});

test('a need without that platform is an error', () => {
  const base = image({ name: 'base', context, platforms: ['linux/amd64'] });
  const app = image({ name: 'app', context, platforms: both, needs: { BASE: base } });
  const message = errorOf(() => link({ base, app }));
  assert.match(message, /needs\.BASE: app:latest@linux\/arm64 is for linux\/arm64, but its need is not/);
  assert.match(message, /found: +base:latest for linux\/amd64/);
  const made = command({ name: 'made', run: ['x'], platforms: both });
  const other = image({ name: 'other', context, platforms: ['linux/s390x'], needs: { made } });
  assert.match(
    errorOf(() => link({ made, other })),
    /needs\.made: other:latest is for linux\/s390x/,
  );
});

/** A use of the build arg of a need, as the Dockerfile of `app` has it. */
const use = (reference: string, platform?: string): ImageName => ({
  reference,
  place: 'FROM',
  isNeed: true,
  ...(platform === undefined ? {} : { platform }),
});

test('a need is for the platform that FROM asks for', () => {
  const tools = image({ name: 'tools', context, platforms: ['linux/amd64'] });
  const base = image({ name: 'base', context, platforms: both });
  const app = image({
    name: 'app',
    context,
    platforms: both,
    needs: { TOOLS: tools, BASE: base, SDK: base },
  });
  const names = [use('TOOLS', 'linux/amd64'), use('SDK', 'linux/amd64')];
  const graph = link({ tools, base, app }, { 'app:latest@linux/arm64': names });
  const task = graph.tasks.get('app:latest@linux/arm64')!;
  assert.equal(needIds(task), ['tools:latest', 'base:latest@linux/arm64', 'base:latest@linux/amd64']);
  assert.equal(
    needIds(task).map((id) => needNameOf(task, id)),
    ['tools:latest', 'base:latest', 'base:latest for linux/amd64'],
    'records and labels tell the two apart',
  );
});

test('a need that is used for several platforms, or for one that it does not have, is an error', () => {
  const base = image({ name: 'base', context, platforms: both });
  const app = image({ name: 'app', context, platforms: both, needs: { BASE: base } });
  const linked = (...names: ImageName[]): string =>
    errorOf(() => link({ base, app }, { 'app:latest@linux/arm64': names }));
  assert.match(
    linked(use('BASE', 'linux/amd64'), use('BASE')),
    /for several platforms[\s\S]*amd64 and linux\/arm64/,
  );
  assert.match(linked(use('BASE', 'linux/s390x')), /uses this need for linux\/s390x, which it does not have/);
  // Only the build knows it: the image's own platform is the best guess.
  const graph = link({ base, app }, { 'app:latest@linux/arm64': [use('BASE', 'any')] });
  assert.equal(needIds(graph.tasks.get('app:latest@linux/arm64')!), ['base:latest@linux/arm64']);
});

test('implied needs are matched by platform', () => {
  const base = image({ name: 'base', versions: ['1'], context, platforms: both });
  const app = image({ name: 'app', context, platforms: both });
  const from = (platform?: string): ImageName => ({
    reference: 'team/base:1',
    place: 'FROM',
    ...(platform === undefined ? {} : { platform }),
  });
  const graph = link(
    { base, app },
    { 'app:latest@linux/amd64': [from()], 'app:latest@linux/arm64': [from('linux/amd64')] },
  );
  assert.equal(needIds(graph.tasks.get('app:latest@linux/amd64')!), ['base:1@linux/amd64']);
  assert.equal(needIds(graph.tasks.get('app:latest@linux/arm64')!), ['base:1@linux/amd64']);
  const own = errorOf(() => link({ base }, { 'base:1@linux/arm64': [{ ...from('linux/amd64') }] }));
  assert.match(own, /builds base:1@linux\/arm64 from its own image/);
});

test.run();
