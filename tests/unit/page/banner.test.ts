import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bannerText } from '../../../src/page/banner.ts';
import { initialViewState, makePageModel, type ViewState } from '../../../src/page/page-model.ts';
import { pageDataOf, testPicture } from '../../support/pictures.ts';

const test = suite('page/banner');

/** Returns the text for a chain of three tasks, of which these have a recorded duration. */
function textOf(timed: readonly string[], viewState: Partial<ViewState>): string {
  const chain = testPicture({ 'a:1': {}, 'b:1': { needs: ['a:1'] }, 'c:1': { needs: ['b:1'] } });
  const data = pageDataOf(chain);
  const tasks = data.tasks.map(({ expectedMs: _, ...task }) =>
    timed.includes(task.id) ? { ...task, expectedMs: 60_000 } : task,
  );
  return bannerText(makePageModel({ ...data, tasks }), { ...initialViewState, ...viewState });
}

test('the critical path says how many of its tasks are not timed', () => {
  const path = { isPathShown: true };
  assert.is(
    textOf(['a:1', 'b:1', 'c:1'], path),
    'The critical path takes 3 m 0 s: 3 tasks, from a:1 to c:1.',
  );
  assert.is(
    textOf(['b:1'], path),
    'The critical path takes at least 1 m 0 s: 3 tasks, from a:1 to c:1. 2 of 3 are not timed.',
  );
  assert.is(
    textOf([], path),
    'No task on the path is timed. The path with the most tasks: 3 tasks, from a:1 to c:1.',
  );
});

test('a bump says what it costs, and how many of its tasks are not timed', () => {
  assert.is(
    textOf(['a:1', 'b:1'], { bumped: new Set(['a:1']) }),
    'Bumping a:1 rebuilds 3 of 3 tasks: about 2 m 0 s of work, 2 m 0 s on the critical path, not counting 1 task without a time.',
  );
});

test('the focus says what is shown, and how to leave it', () => {
  assert.is(
    textOf([], { focused: 'b:1' }),
    'Only b:1, its needs and its dependents: 3 tasks (Esc to leave).',
  );
  assert.is(textOf([], {}), '');
});

test.run();
