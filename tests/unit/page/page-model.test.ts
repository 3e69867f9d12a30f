import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageTask } from '../../../src/draw/page-data.ts';
import {
  bumpCost,
  computeEmphasis,
  criticalPath,
  highlightedNeeds,
  initialViewState,
  makePageModel,
  matchesFilters,
  surroundings,
  type ViewState,
  versionFilters,
} from '../../../src/page/page-model.ts';
import { testPicture } from '../../support/pictures.ts';

const test = suite('page/page-model');

type TaskFields = Parameters<typeof testPicture>[0][string] & { readonly ms?: number };

function modelOf(tasks: Readonly<Record<string, TaskFields>>) {
  const picture = testPicture(tasks);
  const all = picture.tasks.map((task): PageTask => {
    const { ms } = tasks[task.id]!;
    return {
      ...task,
      where: '',
      key: '',
      tags: [],
      inputs: [],
      ...(ms === undefined ? {} : { expectedMs: ms }),
    };
  });
  return makePageModel({ title: '', command: '', time: '', tasks: all, inputs: [], isLive: false });
}

const diamond = modelOf({
  'base:1': { ms: 10 },
  'left:1': { needs: ['base:1'], ms: 50 },
  'right:1': { needs: ['base:1'], ms: 20, state: 'todo' },
  'top:1': { needs: ['left:1', 'right:1'], ms: 5, state: 'todo' },
  'other:2': { ms: 500 },
});
const viewOf = (fields: Partial<ViewState>): ViewState => ({ ...initialViewState, ...fields });

test('a selection emphasizes needs and dependents and dims the rest', () => {
  assert.equal(Object.fromEntries(computeEmphasis(diamond, viewOf({ selected: 'left:1' }))), {
    'base:1': 'need',
    'left:1': 'selected',
    'right:1': 'dim',
    'top:1': 'dependent',
    'other:2': 'dim',
  });
  assert.equal([...new Set(computeEmphasis(diamond, initialViewState).values())], ['plain']);
});

test('a bump emphasizes the task and its dependents, and adds up their last durations', () => {
  const bumped = new Set(['base:1']);
  const shown = computeEmphasis(diamond, viewOf({ bumped, selected: 'base:1', isPathShown: true }));
  assert.equal([...shown.values()], ['selected', 'bumped', 'bumped', 'bumped', 'dim']);
  const { tasks, ms, path } = bumpCost(diamond, bumped);
  assert.equal([tasks, ms, path.ms, path.ids], [4, 85, 65, ['base:1', 'left:1', 'top:1']]);
});

test('the critical path is that of unfinished tasks, or of all tasks if none is unfinished', () => {
  assert.equal(criticalPath(diamond), { ids: ['right:1', 'top:1'], ms: 25, untimed: 0 });
  const idle = modelOf({
    'a:1': { ms: 1 },
    'b:1': { needs: ['a:1'] },
    'c:1': { ms: 3 },
    'd:1': { needs: ['c:1'] },
  });
  assert.equal(criticalPath(idle), { ids: ['c:1', 'd:1'], ms: 3, untimed: 1 });
  assert.equal(criticalPath(modelOf({})), { ids: [], ms: 0, untimed: 0 });
});

test('only the links of the critical path are highlighted', () => {
  const model = modelOf({
    'a:1': { ms: 1 },
    'b:1': { needs: ['a:1'], ms: 1 },
    'c:1': { needs: ['a:1', 'b:1'], ms: 1 },
  });
  const view = viewOf({ isPathShown: true });
  const isHighlighted = highlightedNeeds(model, view, computeEmphasis(model, view));
  assert.equal(
    [isHighlighted('c:1', 'b:1'), isHighlighted('b:1', 'a:1'), isHighlighted('c:1', 'a:1')],
    [true, true, false],
  );
});

test('filters match the current state, the version, and part of the name without regard to case', () => {
  const shown = (fields: Partial<ViewState>): string[] =>
    diamond.data.tasks.filter((task) => matchesFilters(diamond, task, viewOf(fields))).map(({ id }) => id);
  assert.equal(shown({ hidden: new Set(['current']) }), ['right:1', 'top:1']);
  assert.equal(shown({ version: '2' }), ['other:2']);
  assert.equal(shown({ search: 'T:1' }), ['left:1', 'right:1']);
});

test('a filter is a version, or a value of an axis', () => {
  const model = modelOf({
    'a:1-x': { axes: { pg: '1', os: 'x' } },
    'a:2-x': { axes: { pg: '2', os: 'x' } },
    'b:1': {},
  });
  assert.equal(versionFilters(model.data.tasks), {
    versions: ['1'],
    axes: new Map([
      ['pg', ['1', '2']],
      ['os', ['x']],
    ]),
  });
  const shown = (version: string): string[] =>
    model.data.tasks.filter((task) => matchesFilters(model, task, viewOf({ version }))).map(({ id }) => id);
  assert.equal(shown('pg=2'), ['a:2-x']);
  assert.equal(shown('1'), ['b:1']);
});

test('the surroundings of a task are its needs and its dependents', () => {
  assert.equal([...surroundings(diamond, 'left:1')!].sort(), ['base:1', 'left:1', 'top:1']);
  assert.is(surroundings(diamond, undefined), undefined);
});

test.run();
