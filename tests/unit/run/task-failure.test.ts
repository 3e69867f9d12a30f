import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { EngineUnavailable, fromSystemError, TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import { causeOf, describeFailure } from '../../../src/run/task-failure.ts';
import { StepTimeout } from '../../../src/run/timeout.ts';
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
  instruction: 'RUN',
  output: { lines: ['gcc', 'error'], stderr: ['error'] },
};
const redact = (line: string): string => line.replaceAll('hunter2', '***');

test('a failed build step: the facts, with the Dockerfile relative to the project', () => {
  assert.equal(describeFailure(new StepFailed('exit code: 2', facts), app, redact), {
    message: 'exit code: 2',
    step: '[3/5] RUN make',
    instruction: 'RUN',
    file: 'docker/app.Dockerfile',
    line: 7,
    endLine: 9,
    exitCode: 2,
    lines: ['gcc', 'error'],
    stderr: ['error'],
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
  assert.equal(describeFailure(new StepFailed('no', { output: { lines: [], stderr: [] } }), app, redact), {
    message: 'no',
    lines: [],
    stderr: [],
  });
});

test('a command has no Dockerfile', () => {
  const { file, line, exitCode } = describeFailure(new StepFailed('no', facts), text, redact);
  assert.equal([file, line, exitCode], [undefined, undefined, 2]);
});

test('no secret is in the message, the hint, the step or the lines', () => {
  const secret = 'with hunter2';
  const failure = describeFailure(
    new StepFailed(secret, { ...facts, step: secret, output: { lines: [secret], stderr: [secret] } }),
    app,
    redact,
  );
  const { message, step, lines, stderr } = failure;
  assert.equal([message, step, lines, stderr], ['with ***', 'with ***', ['with ***'], ['with ***']]);
  const error = new TasksError(3, secret, { hint: secret });
  assert.equal(describeFailure(error, app, redact), { message: 'with ***\nwith ***' });
});

test('an error of any other kind has its message; whatever is thrown has a text', () => {
  assert.equal(describeFailure(new Error('no'), app, redact), { message: 'no' });
  assert.equal(describeFailure('hunter2', app, redact), { message: '***' });
});

test('the cause of an error is what noticed it, then the facts that it carries, then what the program wrote', () => {
  const systemError = (code: string, syscall: string): Error =>
    Object.assign(new Error(code), { code, syscall });
  const gone = new EngineUnavailable('cannot connect', { hint: '', cause: systemError('ENOENT', 'connect') });
  const output = ['curl: (6) Could not resolve host: example'];
  const cases: readonly [unknown, string | undefined][] = [
    [new StepTimeout(1000), 'timeout'],
    [new StepFailed('no', { cause: 'missing-file' }), 'missing-file'],
    [new StepFailed('no', { exitCode: 126 }), 'not-executable'],
    [new StepFailed('no', { exitCode: 1 }), 'network'],
    [new RegistryError('denied', 'no'), 'credentials'],
    [gone, 'lost'],
    [fromSystemError(systemError('ENOSPC', 'write')), 'disk-full'],
    [fromSystemError(systemError('ENOSPC', 'open')), 'disk-full'],
  ];
  for (const [error, cause] of cases) assert.is(causeOf(error, output), cause, String(error));
  assert.is(causeOf(new StepFailed('no', { exitCode: 1 })), undefined);
  assert.is(causeOf(fromSystemError(systemError('ENOENT', 'open'))), undefined, 'a file is no engine');
  assert.is(causeOf(new TasksError(3, 'cannot read config.json: EACCES')), undefined);
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
    const facts = output === undefined ? {} : { output: { lines: output } };
    project.engine.pending[0]!.fail(new StepFailed('no', facts));
    await running;
    const end = project.events.find((event) => event.type === 'task-finished');
    assert.equal(end?.type === 'task-finished' && end.error?.lines, expected);
  }
});

test.run();
