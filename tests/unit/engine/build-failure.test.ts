import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EngineLost, type LossReason } from '../../../src/buildkit/engine-lost.ts';
import { type FailureFacts, SolveFailed } from '../../../src/buildkit/solve-failed.ts';
import { parseInstruction } from '../../../src/buildkit/steps.ts';
import { TransferError } from '../../../src/buildkit/transfer-error.ts';
import { FileProblem } from '../../../src/disk/verified-file.ts';
import { findStepLines } from '../../../src/dockerfile/step-lines.ts';
import { portErrorOf } from '../../../src/engine/build-failure.ts';
import { plainMessage } from '../../../src/engine/plain-message.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';

const test = suite('the failure of a build, in terms of tasks');
const text = 'FROM debian\nRUN one\nRUN make \\\n  all\n';
const dockerfile = {
  name: 'Dockerfile',
  text: Buffer.from(text),
  selectsFrontend: false,
  linesOf: findStepLines(text),
};
const address = 'tcp://build.example:2375 (context work)';
const lastLines = { lines: ['gcc: error', 'make: ***'], stderr: ['make: ***'] };
const report = { take: () => undefined, lastLinesOf: () => lastLines };
const full = `the docker engine at ${address}`;
const name = { full, buildkit: `BuildKit in ${full}`, check: '`tasks doctor` to check the engine' };
const portError = (error: unknown): unknown => portErrorOf(error, dockerfile, report, name);

function stepNamed(name: string) {
  const instruction = parseInstruction(name);
  return {
    digest: 'v',
    name,
    state: 'failed',
    ...(instruction === undefined ? {} : { instruction }),
  } as const;
}

function factsWith(message: string, facts: FailureFacts): StepFailed['facts'] {
  const error = portError(new SolveFailed(message, facts));
  assert.instance(error, StepFailed);
  assert.is((error as StepFailed).message, plainMessage(message));
  return (error as StepFailed).facts;
}

function factsOf(facts: FailureFacts): StepFailed['facts'] {
  return factsWith('exit code: 2', facts);
}

test('a failed step has its name, its lines in the Dockerfile, its exit code and what it wrote', () => {
  const step = stepNamed('[3/3] RUN make   all');
  assert.equal(factsOf({ step, sources: [], exitCode: 2 }), {
    step: '[3/3] RUN make   all',
    instruction: 'RUN',
    lines: { line: 3, endLine: 4 },
    excerpt: ['RUN make \\', '  all'],
    exitCode: 2,
    output: lastLines,
  });
});

test('messages are without what engines wrap them in', () => {
  const cases: [message: string, plain: string][] = [
    ['process "/bin/sh -c make" did not complete successfully: exit code: 2', 'exit code: 2'],
    ['executor failed running [/bin/sh -c a]: exit code: 2: b\nc]: exit code: 3', 'exit code: 3'],
    ['failed to compute cache key: "/a" not found: not found', '"/a" not found'],
    [
      'failed to compute cache key: failed to calculate checksum of ref x::y: "/a": not found',
      '"/a" not found',
    ],
    ['failed to create LLB definition: failed to do request: Head "https://h": EOF', 'Head "https://h": EOF'],
    ['pull access denied', 'pull access denied'],
  ];
  for (const [message, plain] of cases) assert.is(plainMessage(message), plain);
});

test('the lines that the engine says count where the step is not in the file', () => {
  const elsewhere = { file: 'Dockerfile', firstLine: 2, lastLine: 2 };
  assert.equal(factsOf({ step: stepNamed('[3/3] RUN make   all'), sources: [elsewhere] }).lines, {
    line: 2,
    endLine: 2,
  });
  const source = { file: 'Dockerfile', firstLine: 3, lastLine: 3 };
  const own = stepNamed('[3/3] RUN make   all');
  assert.equal(factsOf({ step: own, sources: [source] }).lines, { line: 3, endLine: 4 });
  for (const step of [stepNamed('[internal] load metadata'), stepNamed('[3/4] RUN trigger'), undefined])
    assert.equal(factsOf({ step, sources: [source] }).lines, { line: 3, endLine: 3 });
  const other = { ...source, file: 'other.Dockerfile' };
  assert.is(factsOf({ step: undefined, sources: [other] }).lines, undefined);
});

test('without a step, no output is known apart from the rest', () => {
  assert.equal(factsOf({ step: undefined, sources: [] }), {
    step: undefined,
    instruction: undefined,
    lines: undefined,
    excerpt: undefined,
    exitCode: undefined,
  });
});

/** Messages of docker 20.10, which has no details. */
test('without details, the place and the cause come from the message', () => {
  const failed = (message: string, step?: string, exitCode?: number): StepFailed['facts'] => {
    const found = step === undefined ? undefined : stepNamed(step);
    const error = new SolveFailed(message, { step: found, sources: [], exitCode, code: 2 });
    return (portError(error) as StepFailed).facts;
  };
  const unknown = failed(
    'failed to create LLB definition: dockerfile parse error line 3: unknown instruction: MAKE',
  );
  assert.equal(
    [unknown.cause, unknown.lines, unknown.instruction],
    ['unknown-instruction', { line: 3, endLine: 3 }, 'RUN'],
  );
  assert.is(failed('failed to create LLB definition: Invalid containerPort: abc').cause, 'syntax');
  assert.is(failed('failed to create LLB definition: target stage x could not be found').cause, undefined);
  const missing = failed('failed to compute cache key: "/srv/a" not found: not found', '[2/3] COPY srv/a /');
  assert.equal([missing.cause, missing.missingPath], ['missing-file', 'srv/a']);
});

test('a path that is missing in a stage or image is not one of the build context', () => {
  const message =
    'failed to compute cache key: failed to calculate checksum of ref a::b: "/srv/a": not found';
  for (const name of [
    '[2/3] COPY --from=a srv/a /',
    '[2/3] RUN --mount=type=bind,from=a,source=srv/a true',
  ]) {
    const { cause, missingPath } = factsWith(message, { step: stepNamed(name), sources: [] });
    assert.equal([cause, missingPath], ['missing-file', undefined]);
  }
});

test('the text of a RUN instruction in the message says nothing about the cause', () => {
  const step = stepNamed('[3/3] RUN make   all');
  for (const text of ['connection refused', 'no space left on device', 'unknown instruction: X'])
    for (const message of [
      `process "/bin/sh -c echo ${text} && false" did not complete successfully: exit code: 1`,
      `executor failed running [/bin/sh -c echo ${text} && false]: exit code: 1`,
    ])
      assert.is(factsWith(message, { step, sources: [], exitCode: 1 }).cause, undefined, message);
  const killed =
    'process "/bin/sh -c make" did not complete successfully: exit code: 137: cannot allocate memory';
  assert.is(factsWith(killed, { step, sources: [], exitCode: 137 }).cause, 'out-of-memory');
});

test('an error with a place but without a step is one of the Dockerfile; a step of another kind is not', () => {
  const sources = [{ file: 'Dockerfile', firstLine: 2, lastLine: 2 }];
  const wrong = factsWith('Invalid containerPort: abc', { step: undefined, sources });
  assert.equal([wrong.cause, wrong.instruction, wrong.lines], ['syntax', 'RUN', { line: 2, endLine: 2 }]);
  const message = 'x:1: failed to resolve source metadata for h/x:1: h/x:1: not found';
  const step = stepNamed('[internal] load metadata for h/x:1');
  assert.is(factsWith(message, { step, sources }).cause, 'registry');
});

const losses: Readonly<Record<LossReason, RegExp>> = {
  unreachable:
    /^cannot connect to BuildKit in the docker engine at tcp:\/\/build\.example:2375 \(context work\): why$/,
  closed: /^lost the connection to the docker engine at tcp:\/\/build\.example:2375 \(context work\): why$/,
  silent: /^the docker engine at tcp:\/\/build\.example:2375 \(context work\) is not responding: why$/,
  session: /^lost the connection to the docker engine at tcp:\/\/build\.example:2375 \(context work\): why$/,
};
for (const [reason, message] of Object.entries(losses))
  test(`an engine that is lost (${reason}) is no fault of the task: exit code 3, the engine's address, and a hint`, () => {
    const lost = new EngineLost(reason as LossReason, 'why');
    const error = portError(lost) as TasksError;
    assert.instance(error, TasksError);
    assert.equal([error.exitCode, error.cause], [3, lost]);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', 'run `tasks doctor`');
  });

test('a failed transfer of files fails the step with our words', () => {
  for (const error of [
    new FileProblem('changed', '/c/a changed; run again', '/c/a'),
    new TransferError('unsupported', 'a is a device', 'a'),
  ]) {
    const failed = portError(error) as StepFailed;
    assert.instance(failed, StepFailed);
    assert.equal([failed.message, failed.facts], [error.message, {}]);
  }
});

test('every other error stays as it is', () => {
  for (const error of [new Error('x'), new TasksError(1, 'x'), 'x']) assert.is(portError(error), error);
});

test.run();
