import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { resolveSelectors, withNeeds } from '../../../src/graph/select.ts';
import { closestWords } from '../../../src/model/did-you-mean.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { graphOf } from '../../support/graphs.ts';

const rootfs = command({ name: 'rootfs', versions: ['17'], run: ['x'] });
const base = image({ name: 'base', versions: ['15', '17'], context: 'b', publish: false });
const builder = image({ name: 'extbuilder', versions: ['15', '17'], context: 'e', needs: { BASE: base } });
const tester = image({ name: 'exttester', versions: ['15', '17'], context: 'e', needs: { BASE: base } });
const report = command({ name: 'report', run: ['x'], needs: { r: rootfs } });
const graph = graphOf({ rootfs, base, builder, tester, report });
const selected = (...selectors: string[]) => [...resolveSelectors(graph, selectors)].sort();

const test = suite('select');

test('a selector is a name, a task, a glob of names or a glob of tasks', () => {
  assert.equal(selected('extbuilder'), ['extbuilder:15', 'extbuilder:17']);
  assert.equal(selected('extbuilder:17'), ['extbuilder:17']);
  assert.equal(selected('*tester'), ['exttester:15', 'exttester:17']);
  assert.equal(selected('ext*:15'), ['extbuilder:15', 'exttester:15']);
});

test('a glob with many stars is matched quickly', () => {
  const long = graphOf({ long: command({ name: 'a'.repeat(100), versions: ['1'], run: ['x'] }) });
  const stars = '*a'.repeat(40);
  assert.is(resolveSelectors(long, [`${stars}*`]).size, 1);
  assert.is(resolveSelectors(long, [`${'?'.repeat(99)}*?`]).size, 1);
  assert.throws(() => resolveSelectors(long, [`${stars}*b`]), /no task matches/);
  assert.throws(() => resolveSelectors(long, [`${stars}*:*2`]), /no task matches/);
  assert.throws(() => resolveSelectors(long, ['?'.repeat(101)]), /no task matches/);
});

test('+sel adds needs, sel+ adds dependents', () => {
  assert.equal(selected('+extbuilder:17'), ['base:17', 'extbuilder:17']);
  assert.equal(selected('base:15+'), ['base:15', 'extbuilder:15', 'exttester:15']);
});

test('without selectors, all published images and all tasks without dependents are selected', () => {
  assert.equal(selected(), [
    'extbuilder:15',
    'extbuilder:17',
    'exttester:15',
    'exttester:17',
    'report:latest',
  ]);
});

test('an unknown selector is a usage error that suggests similar names', () => {
  try {
    resolveSelectors(graph, ['extbuilda']);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TasksError);
    assert.is((error as TasksError).exitCode, 2);
    assert.match((error as TasksError).hint!, /did you mean extbuilder/);
  }
});

test('withNeeds adds all needs', () => {
  assert.equal([...withNeeds(graph, ['report:latest'])].sort(), ['report:latest', 'rootfs:17']);
});

test('closestWords finds typos and leaves out dissimilar words', () => {
  assert.equal(closestWords('exttestre', ['extbuilder', 'exttester', 'style']), ['exttester']);
  assert.equal(closestWords('zzz', ['extbuilder', 'exttester']), []);
});

test.run();
