import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { describeFailure } from '../../../src/run/task-failure.ts';
import { settle } from '../../support/fake-engine.ts';
import { graphOf } from '../../support/graphs.ts';
import { makeSampleProject } from '../../support/sample-project.ts';

const test = suite('what is said of a failed task');
const { tasks } = graphOf({
  app: image({ name: 'app', context: 'app', dockerfile: 'docker/app.Dockerfile' }),
  text: command({ name: 'text', run: ['make-text'] }),
});
const app = tasks.get('app:latest')!;
const text = tasks.get('text:latest')!;
const facts = {
  step: '[3/5] RUN make',
  lines: { line: 7, endLine: 9 },
  exitCode: 2,
  output: ['gcc', 'error'],
};
const redact = (line: string): string => line.replaceAll('hunter2', '***');

test('a failed build step: the facts, with the Dockerfile relative to the project', () => {
  assert.equal(describeFailure(new StepFailed('exit code: 2', facts), app, redact), {
    message: 'exit code: 2',
    step: '[3/5] RUN make',
    file: 'docker/app.Dockerfile',
    line: 7,
    endLine: 9,
    exitCode: 2,
    lines: ['gcc', 'error'],
  });
});

test('facts that are not known are left out', () => {
  assert.equal(describeFailure(new StepFailed('no'), app, redact), { message: 'no' });
  assert.equal(describeFailure(new StepFailed('no', { exitCode: 0, output: undefined }), app, redact), {
    message: 'no',
    exitCode: 0,
  });
});

test('a step that wrote nothing has no lines, which is not the same as unknown lines', () => {
  assert.equal(describeFailure(new StepFailed('no', { output: [] }), app, redact), {
    message: 'no',
    lines: [],
  });
});

test('a command has no Dockerfile', () => {
  const { file, line, exitCode } = describeFailure(new StepFailed('no', facts), text, redact);
  assert.equal([file, line, exitCode], [undefined, undefined, 2]);
});

test('no secret is in the message, the hint, the step or the lines', () => {
  const secret = 'with hunter2';
  const failure = describeFailure(
    new StepFailed(secret, { ...facts, step: secret, output: [secret] }),
    app,
    redact,
  );
  assert.equal([failure.message, failure.step, failure.lines], ['with ***', 'with ***', ['with ***']]);
  const error = new TasksError(3, secret, { hint: secret });
  assert.equal(describeFailure(error, app, redact), { message: 'with ***\nwith ***' });
});

test('an error of any other kind has its message; whatever is thrown has a text', () => {
  assert.equal(describeFailure(new Error('no'), app, redact), { message: 'no' });
  assert.equal(describeFailure('hunter2', app, redact), { message: '***' });
});

test('a run shows the last lines of the failed step, and none of other steps if it wrote none', async () => {
  for (const [output, expected] of [
    [undefined, ['of another step']],
    [[], []],
    [['its own'], ['its own']],
  ] as const) {
    const project = makeSampleProject();
    const { run } = await project.plan({ selectors: ['lone'] });
    const running = run();
    await settle();
    project.engine.pending[0]!.progress.line('of another step');
    project.engine.pending[0]!.fail(new StepFailed('no', { output }));
    await running;
    const end = project.events.find((event) => event.type === 'task-finished');
    assert.equal(end?.type === 'task-finished' && end.error?.lines, expected);
  }
});

test.run();
