import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { closestWords } from '../../../src/graph/did-you-mean.ts';
import { resolveSelectors, withNeeds } from '../../../src/graph/select.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { graphOf } from '../../support/graphs.ts';

const rootfs = command({ name: 'rootfs', versions: ['17'], run: ['x'] });
const base = image({ name: 'base', versions: ['15', '17'], context: 'b', publish: false });
const builder = image({ name: 'extbuilder', versions: ['15', '17'], context: 'e', needs: { BASE: base } });
const tester = image({ name: 'exttester', versions: ['15', '17'], context: 'e', needs: { BASE: base } });
const report = command({ name: 'report', run: ['x'], needs: { r: rootfs } });
const graph = graphOf({ rootfs, base, builder, tester, report });
const chosen = (...selectors: string[]) => [...resolveSelectors(graph, selectors)].sort();

const test = suite('select');

test('a name, a task, a glob on names, a glob on tasks', () => {
  assert.equal(chosen('extbuilder'), ['extbuilder:15', 'extbuilder:17']);
  assert.equal(chosen('extbuilder:17'), ['extbuilder:17']);
  assert.equal(chosen('*tester'), ['exttester:15', 'exttester:17']);
  assert.equal(chosen('ext*:15'), ['extbuilder:15', 'exttester:15']);
});

test('a glob with many stars that matches nothing is an error like any other, and not the end of the run', () => {
  const long = graphOf({ long: command({ name: 'a'.repeat(100), versions: ['1'], run: ['x'] }) });
  const stars = '*a'.repeat(40);
  assert.is(resolveSelectors(long, [`${stars}*`]).size, 1);
  assert.is(resolveSelectors(long, [`${'?'.repeat(99)}*?`]).size, 1);
  assert.throws(() => resolveSelectors(long, [`${stars}*b`]), /no task matches/);
  assert.throws(() => resolveSelectors(long, [`${stars}*:*2`]), /no task matches/);
  assert.throws(() => resolveSelectors(long, ['?'.repeat(101)]), /no task matches/);
});

test('+sel adds what it needs, sel+ what needs it', () => {
  assert.equal(chosen('+extbuilder:17'), ['base:17', 'extbuilder:17']);
  assert.equal(chosen('base:15+'), ['base:15', 'extbuilder:15', 'exttester:15']);
});

test('no selector: all published images and every task that nothing needs', () => {
  assert.equal(chosen(), ['extbuilder:15', 'extbuilder:17', 'exttester:15', 'exttester:17', 'report:latest']);
});

test('an unknown selector is a usage error with the nearest names', () => {
  try {
    resolveSelectors(graph, ['extbuilda']);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TasksError);
    assert.is((error as TasksError).exitCode, 2);
    assert.match((error as TasksError).hint!, /did you mean extbuilder/);
  }
});

test('withNeeds is closed under needs', () => {
  assert.equal([...withNeeds(graph, ['report:latest'])].sort(), ['report:latest', 'rootfs:17']);
});

test('nearest finds slips of the finger and leaves strangers out', () => {
  assert.equal(closestWords('exttestre', ['extbuilder', 'exttester', 'style']), ['exttester']);
  assert.equal(closestWords('zzz', ['extbuilder', 'exttester']), []);
});

test.run();
