import { chmodSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command } from '../../../src/define/index.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('inputs that change while a command runs');

for (const [input, file] of [
  ['in', 'real'],
  ['./tool', 'tool'],
] as const) {
  /** A project whose command changes one of its own inputs. */
  const makeChangingProject = () => {
    const root = tempFolder();
    writeFiles(root, { real: 'one', in: { link: 'real' }, 'tool*': 'one' });
    waitUntilSettled(path.join(root, 'tool'));
    const gen = command({ name: 'gen', run: ['./tool'], inputs: ['in'] });
    const user = command({ name: 'user', run: ['true'], needs: { gen } });
    const project = makeTestProject({ gen, user }, root);
    const write = (text: string): void => writeFileSync(path.join(root, file), text);
    project.onCommand = async () => write('two');
    return { project, write };
  };

  test(`if ${input} changes while the command runs, its result is not recorded`, async () => {
    const { project, write } = makeChangingProject();
    assert.is((await project.build({ selectors: ['gen'] })).outcome, 'ok');
    write('one');
    project.onCommand = async () => undefined;
    assert.is(
      (await project.build({ selectors: ['gen'] })).counts.built,
      1,
      'the key is the first one again',
    );
    assert.is((await project.build({ selectors: ['gen'] })).counts.reused, 1);
  });

  test(`if ${input} changes and changes back while the command runs, its result is not recorded`, async () => {
    const { project, write } = makeChangingProject();
    project.onCommand = async () => {
      write('two');
      write('one');
    };
    assert.is((await project.build({ selectors: ['gen'] })).outcome, 'ok');
    assert.match(
      project.warnings.join(),
      `gen:latest: ${path.normalize(input)} changed while the task was running`,
    );
    project.onCommand = async () => undefined;
    assert.is((await project.build({ selectors: ['gen'] })).counts.built, 1);
    assert.is((await project.build({ selectors: ['gen'] })).counts.reused, 1);
  });

  test(`if ${input} changes while the command runs, dependents are blocked`, async () => {
    const { project } = makeChangingProject();
    const result = await project.build();
    assert.equal([result.outcome, result.counts.failed, result.counts.blocked], ['failed', 1, 1]);
    const ended = project.events.find(
      (event) => event.type === 'task-finished' && event.outcome === 'failed',
    );
    assert.match(JSON.stringify(ended), `${input} changed while the task was running`);
  });
}

test('if a link in the path of an input changes and changes back, the result is not recorded', async () => {
  const root = tempFolder();
  writeFiles(root, { 'v1/in': 'one', 'v2/in': 'two', now: { link: 'v1' } });
  const project = makeTestProject({ gen: command({ name: 'gen', run: ['true'], inputs: ['now/in'] }) }, root);
  const pointTo = (target: string): void => {
    rmSync(path.join(root, 'now'));
    symlinkSync(target, path.join(root, 'now'));
  };
  project.onCommand = async () => {
    pointTo('v2');
    pointTo('v1');
  };
  assert.is((await project.build()).outcome, 'ok');
  project.onCommand = async () => undefined;
  assert.equal([(await project.build()).counts.built, (await project.build()).counts.reused], [1, 1]);
});

test('a command may change the mode of its inputs and files next to them', async () => {
  const root = tempFolder();
  writeFiles(root, { in: 'one', tool: 'one' });
  const project = makeTestProject({ gen: command({ name: 'gen', run: ['true'], inputs: ['in'] }) }, root);
  project.onCommand = async () => {
    chmodSync(path.join(root, 'in'), 0o600);
    writeFiles(root, { beside: 'new' });
  };
  assert.equal([(await project.build()).counts.built, (await project.build()).counts.reused], [1, 1]);
});

test.run();
