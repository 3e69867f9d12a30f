import { create } from '@bufbuild/protobuf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readProgress } from '../../../src/buildkit/progress.ts';
import { StatusResponseSchema } from '../../../src/buildkit/proto/progress_pb.js';
import { findStepLines } from '../../../src/dockerfile/step-lines.ts';
import { reportBuild } from '../../../src/engine/build-report.ts';
import type { StepProgress } from '../../../src/model/events.ts';
import type { StatusInit } from '../../support/fake-buildkit.ts';

const test = suite('progress of a build');
const text = 'FROM debian AS base\nCOPY . .\nRUN make \\\n  all\nFROM scratch\nCOPY --from=base / /\n';
const at = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });
const running = { started: at(1) };
const ended = { started: at(1), completed: at(2) };

const make = { digest: 'make', name: '[base 3/3] RUN make   all' };
const makeStep = { step: 3, steps: 3, text: 'base: RUN make   all', line: 3 };
const load = { digest: 'load', name: '[internal] load build context' };
const log = (vertex: string, msg: string | Uint8Array, stream = 1) => ({
  vertex,
  stream: BigInt(stream),
  msg: Buffer.from(msg),
});

/** Reports the messages of an engine. `wait` lets time pass for the report. */
function report() {
  const [lines, steps]: [string[], StepProgress[]] = [[], []];
  const dockerfile = {
    name: 'Dockerfile',
    text: Buffer.from(text),
    selectsFrontend: false,
    linesOf: findStepLines(text),
  };
  const reader = readProgress();
  const progress = {
    line: (line: string) => void lines.push(line),
    step: (step: StepProgress) => void steps.push(step),
  };
  const build = reportBuild(dockerfile, progress);
  return {
    lines,
    steps,
    take(...messages: StatusInit[]): void {
      for (const message of messages)
        for (const event of reader.read(create(StatusResponseSchema, message))) build.take(event);
    },
    end(): void {
      for (const event of reader.end()) build.take(event);
    },
    lastLinesOf: (digest: string) =>
      build.lastLinesOf(reader.steps().find((step) => step.digest === digest)!),
  };
}

let now = 0;
const realNow = performance.now;
test.before.each(() => {
  now = 0;
  performance.now = () => now;
});
test.after.each(() => {
  performance.now = realNow;
});

test('each step has a number, which its lines have, too; steps of the Dockerfile have their line', () => {
  const { take, lines, steps } = report();
  take(
    { vertexes: [{ ...load, ...running }] },
    { vertexes: [{ ...make, ...running }], logs: [log('make', 'one\n'), log('load', 'sent\n')] },
    { vertexes: [{ ...load, ...ended }], logs: [log('make', 'two\n', 2)] },
    { vertexes: [{ ...make, ...ended }] },
  );
  assert.equal(lines, [
    '#1 [internal] load build context',
    '#2 [base 3/3] RUN make   all',
    '#2 one',
    '#1 sent',
    '#2 two',
    '#1 DONE',
    '#2 DONE',
  ]);
  assert.equal(steps, [
    { ...makeStep, prefix: '#2 ' },
    { ...makeStep, ended: 'done' },
  ]);
});

test('how steps end: cached, failed with the error, canceled without an end', () => {
  for (const [state, line, end] of [
    [{ ...ended, cached: true }, '#1 CACHED', 'cached'],
    [{ ...ended, error: 'exit code: 1' }, '#1 ERROR exit code: 1', 'failed'],
    [{ ...ended, error: 'process: context canceled' }, '#1 CANCELED process: context canceled', undefined],
  ] as const) {
    const { take, lines, steps } = report();
    take({ vertexes: [{ ...make, ...running }] }, { vertexes: [{ ...make, ...state }] });
    assert.equal(lines, ['#1 [base 3/3] RUN make   all', line]);
    assert.equal(
      steps.slice(1).map((step) => step.ended),
      end === undefined ? [] : [end],
    );
  }
});

test('a step whose start comes late or never is reported once, and so is one that the engine repeats', () => {
  const { take, lines, steps } = report();
  const [start, end] = [{ vertexes: [{ ...make, ...running }] }, { vertexes: [{ ...make, ...ended }] }];
  take({ vertexes: [make] }, end, start, end, start);
  assert.equal(lines, ['#1 [base 3/3] RUN make   all', '#1 DONE']);
  assert.equal(steps, [
    { ...makeStep, prefix: '#1 ' },
    { ...makeStep, ended: 'done' },
  ]);
});

test('a step that runs again begins again, even if only its end is reported', () => {
  const { take, lines } = report();
  const again = { started: at(3), completed: at(4), cached: true };
  take({ vertexes: [{ ...make, ...running }] }, { vertexes: [{ ...make, ...ended }] });
  take({ vertexes: [{ ...make, ...again }] });
  assert.equal(lines.slice(2), ['#1 [base 3/3] RUN make   all', '#1 CACHED']);
});

test('what a step wrote before the engine says that it started is its output', () => {
  const { take, end, lines, lastLinesOf } = report();
  take(
    { logs: [log('make', 'early\n')] },
    { vertexes: [{ ...make, ...running }], logs: [log('make', 'late')] },
    { vertexes: [{ ...load, ...running }], logs: [log('load', 'other\n')] },
  );
  end();
  take({ vertexes: [{ ...make, ...ended, error: 'no' }] });
  assert.equal(lastLinesOf('make').lines, ['early', 'late']);
  assert.equal(lastLinesOf('load').lines, ['other']);
  assert.equal(
    lines.filter((line) => line.startsWith('#1 ')),
    ['#1 early', '#1 [base 3/3] RUN make   all', '#1 late', '#1 ERROR no'],
  );
});

test('the last 20 lines of each step are remembered, apart from those of other steps', () => {
  const { take, lastLinesOf } = report();
  take({
    vertexes: [
      { ...make, ...running },
      { ...load, ...running },
    ],
  });
  const numbers = Array.from({ length: 50 }, (_, index) => `${index}`);
  for (const each of numbers)
    take({ logs: [log('make', `make ${each}\n`), log('load', `load ${each}\n`, 2)] });
  assert.equal(
    lastLinesOf('make').lines,
    numbers.slice(30).map((each) => `make ${each}`),
  );
  assert.equal(
    lastLinesOf('load').lines,
    numbers.slice(30).map((each) => `load ${each}`),
  );
});

test('the last lines of a step say which of them came on standard error', () => {
  const { take, lastLinesOf } = report();
  take({ vertexes: [{ ...make, ...running }] }, { logs: [log('make', 'out\n'), log('make', 'err\n', 2)] });
  assert.equal(lastLinesOf('make'), { lines: ['out', 'err'], stderr: ['err'] });
});

test('a step that wrote nothing has no last lines', () => {
  const { take, lastLinesOf } = report();
  take({
    vertexes: [
      { ...make, ...running },
      { ...load, ...running },
    ],
    logs: [log('load', 'x\n')],
  });
  assert.equal(lastLinesOf('make'), { lines: [], stderr: [] });
});

const megabytes = (count: number): bigint => BigInt(count << 20);
const layer = (ID: string, vertex: string, current: number, total = 0) => ({
  ID,
  vertex,
  current: megabytes(current),
  total: megabytes(total),
});
const base = { digest: 'base', name: '[base 1/3] FROM docker.io/library/debian' };
const baseStep = { step: 1, steps: 3, text: 'base: FROM docker.io/library/debian', line: 1 };

test('bytes of downloads are added up, at most four times a second; unpacking is no download', () => {
  const { take, steps } = report();
  take({ vertexes: [{ ...base, ...running }] });
  steps.length = 0;
  take({ statuses: [layer('sha256:a', 'base', 1, 10)] });
  assert.equal(steps, [], 'too early');
  now = 250;
  take({ statuses: [layer('sha256:b', 'base', 2, 20), layer('extracting sha256:a', 'base', 9, 10)] });
  now = 499;
  take({ statuses: [layer('sha256:b', 'base', 3, 20)] });
  now = 500;
  take({ statuses: [layer('sha256:b', 'base', 20, 20), layer('sha256:a', 'base', 10, 10)] });
  now = 750;
  take({ statuses: [layer('sha256:a', 'base', 10, 10)] });
  assert.equal(steps, [
    { ...baseStep, bytes: 3 << 20, totalBytes: 30 << 20 },
    { ...baseStep, bytes: 21 << 20, totalBytes: 30 << 20 },
    { ...baseStep, bytes: 30 << 20 },
  ]);
});

test('of a part of unknown size, what has come counts for the total', () => {
  const { take, steps } = report();
  take({ vertexes: [{ ...base, ...running }] });
  now = 250;
  take({ statuses: [layer('a', 'base', 5), layer('b', 'base', 1, 10)] });
  take({ statuses: [layer('b', 'base', 1, 10)] });
  now = 500;
  take({ statuses: [layer('b', 'base', 2, 10)] });
  assert.equal(steps.at(-1), { ...baseStep, bytes: 7 << 20, totalBytes: 15 << 20 });
});

test('a download without a known size has no total; less than 1 MB and steps that have ended are not reported', () => {
  const { take, steps } = report();
  take({ vertexes: [{ ...base, ...running }] });
  steps.length = 0;
  now = 250;
  take({ statuses: [{ ID: 'a', vertex: 'base', current: 1000n, total: 0n }] });
  assert.equal(steps, []);
  take({ statuses: [layer('a', 'base', 2)] });
  assert.equal(steps, [{ ...baseStep, bytes: 2 << 20 }]);
  steps.length = 0;
  now = 1000;
  take({ vertexes: [{ ...base, ...ended }] });
  take({ statuses: [layer('a', 'base', 3)] });
  assert.equal(
    steps.map(({ bytes }) => bytes),
    [undefined],
  );
});

test('the context is sent in a step of its own; other steps outside of the Dockerfile have no bytes', () => {
  const { take, steps } = report();
  take({
    vertexes: [
      { ...load, ...running },
      { digest: 'x', name: 'exporting to image', ...running },
    ],
  });
  now = 250;
  take({ statuses: [layer('writing', 'x', 5)] });
  take({ statuses: [layer('transferring context:', 'load', 5)] });
  assert.equal(steps, [{ text: 'sending the build context', bytes: 5 << 20 }]);
  take({ vertexes: [{ ...load, ...ended }] });
  assert.equal(steps.slice(1), [{ text: 'sending the build context', ended: 'done' }]);
});

test('findings of build checks are lines with their place, each once, however the engine repeats them', () => {
  const warning = (short: string, line: number | undefined, vertex: string) => ({
    vertex,
    short: Buffer.from(short),
    detail: [Buffer.from('more')],
    info: { filename: 'Dockerfile' },
    ranges: line === undefined ? [] : [{ start: { line }, end: { line: line + 1 } }],
  });
  const [one, two] = [warning('Casing: as', 3, 'a'), warning('Casing: as', 5, 'a')];
  const { take, lines } = report();
  take({ warnings: [one] }, { warnings: [two, one] }, { warnings: [{ ...one, vertex: 'b' }, two] });
  take({
    warnings: [warning('Whole: file', undefined, 'a'), { vertex: 'a', short: Buffer.from('No: file') }],
  });
  assert.equal(lines, [
    'warning: Dockerfile:3: Casing: as',
    'warning: Dockerfile:5: Casing: as',
    'warning: Dockerfile: Whole: file',
    'warning: No: file',
  ]);
});

test('each reported line is one line, also of names and errors with several', () => {
  const { take, lines } = report();
  const name = '[2/2] RUN a\nb';
  take({ vertexes: [{ digest: 'v', name, ...running }] });
  take({
    vertexes: [{ digest: 'v', name, ...ended, error: 'executor failed running [/bin/sh -c a\r\nb]: no' }],
  });
  take({ warnings: [{ vertex: 'v', short: Buffer.from('Rule: a\nb') }] });
  assert.equal(lines, [
    '#1 [2/2] RUN a',
    '#1 b',
    '#1 ERROR executor failed running [/bin/sh -c a',
    '#1 b]: no',
    'warning: Rule: a',
    'b',
  ]);
});

test.run();
