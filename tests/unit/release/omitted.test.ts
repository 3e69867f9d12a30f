import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { Step } from '../../../src/model/plan.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import { omittedTasks } from '../../../src/release/omitted.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('tasks that a push omits');
const base = image({ name: 'base', context: 'c', test: 't', allowFailure: true });
const app = image({ name: 'app', context: 'c', needs: { BASE: base } });
const last = image({ name: 'last', context: 'c', needs: { APP: app } });
const lone = image({ name: 'lone', context: 'c', test: 't' });
const tasks = [...graphOf({ base, app, last, lone }).tasks.values()];
const ids = tasks.map(({ id }) => id);
const steps = tasks.map((task) => ({ task, action: 'build' }) as unknown as Step);
const published = new Map(ids.map((id) => [id, new Map<string, string | undefined>()]));
const made = (...lost: string[]) =>
  new Map(ids.filter((id) => !lost.includes(id)).map((id) => [id, {} as TaskRecord]));
const pass = (...names: string[]) => new Map(names.map((id) => [id, 'digest']));

test('omits nothing if nothing failed', () => {
  assert.is(omittedTasks(steps, published, made(), pass('base:latest', 'lone:latest')).size, 0);
});

test('omits a task whose test failed, and all its direct and indirect dependents', () => {
  assert.equal(
    [...omittedTasks(steps, published, made(), pass('lone:latest'))],
    [
      ['base:latest', 'its test failed (allowFailure is set)'],
      ['app:latest', 'it depends on base:latest'],
      ['last:latest', 'it depends on app:latest'],
    ],
  );
});

test('omits a task that failed', () => {
  const found = omittedTasks(steps, published, made('last:latest'), pass('base:latest', 'lone:latest'));
  assert.equal([...found.keys()], ['last:latest']);
});

test('a skipped task does not count as failed', () => {
  const skipped = steps.map((step) =>
    step.task.id === 'base:latest' ? { ...step, action: 'skip' as const } : step,
  );
  assert.is(omittedTasks(skipped, published, made('base:latest'), pass('lone:latest')).size, 0);
});

test.run();
