import { create } from '@bufbuild/protobuf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BuildEvent, readProgress } from '../../../src/buildkit/progress.ts';
import { StatusResponseSchema } from '../../../src/buildkit/proto/progress_pb.js';
import { parseInstruction } from '../../../src/buildkit/steps.ts';
import type { StatusInit } from '../../support/fake-buildkit.ts';

const test = suite('progress of a build by vertex');
const at = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });
const log = (stream: number, msg: Uint8Array | string) => ({
  vertex: 'a',
  stream: BigInt(stream),
  msg: Buffer.from(msg),
});

function eventsOf(...messages: StatusInit[]): BuildEvent[] {
  const progress = readProgress();
  return [
    ...messages.flatMap((each) => progress.read(create(StatusResponseSchema, each))),
    ...progress.end(),
  ];
}

function statesOf(...messages: StatusInit[]): string[] {
  return eventsOf(...messages).flatMap((event) => (event.type === 'step' ? [event.step.state] : []));
}

const vertex = (more: object) => ({ vertexes: [{ digest: 'a', name: '[1/2] RUN x', ...more }] });

test('a step starts and ends once, however often the engine repeats it', () => {
  const [started, completed] = [vertex({ started: at(1) }), vertex({ started: at(1), completed: at(2) })];
  assert.equal(statesOf(vertex({}), started, started, completed, completed, started), ['running', 'done']);
  assert.equal(statesOf(completed, started), ['done']);
  assert.equal(statesOf(vertex({ completed: at(2) }), started), ['done']);
});

test('a step that runs again is reported again; the run that started last is its state', () => {
  const first = vertex({ started: at(1), completed: at(2) });
  const second = vertex({ started: at(3) });
  assert.equal(statesOf(first, second, vertex({ started: at(3), completed: at(4), cached: true })), [
    'done',
    'running',
    'cached',
  ]);
  assert.equal(statesOf(second, first), ['running']);
});

test('a step that was stopped has not failed', () => {
  const ended = { started: at(1), completed: at(2) };
  assert.equal(statesOf(vertex({ ...ended, error: 'process: context canceled' })), ['cancelled']);
  assert.equal(statesOf(vertex({ ...ended, error: 'exit code: 1' })), ['failed']);
});

test('output is split to lines by step and stream, also inside of characters', () => {
  const [head, tail] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)];
  const events = eventsOf(
    vertex({ started: at(1) }),
    { logs: [log(1, 'a'), log(2, 'E\r\n'), log(1, head)] },
    { logs: [log(1, tail), log(1, 'b\nrest')] },
    vertex({ started: at(1), completed: at(2) }),
  );
  assert.equal(
    events.map((event) => (event.type === 'output' ? `${event.stream} ${event.line}` : event.type)),
    ['step', 'stderr E', 'stdout aéb', 'stdout rest', 'step'],
  );
});

test('output of 50 MB without a line ending is reported as it comes, in pieces', () => {
  const progress = readProgress();
  const message = create(StatusResponseSchema, { logs: [log(1, Buffer.alloc(1 << 20, 'x'))] });
  const lengths: number[] = [];
  const note = (events: readonly BuildEvent[]): void => {
    for (const event of events) if (event.type === 'output') lengths.push(event.line.length);
  };
  for (let megabytes = 1; megabytes <= 50; megabytes++) {
    note(progress.read(message));
    assert.ok(lengths.length >= megabytes - 1);
  }
  note(progress.end());
  assert.equal(new Set(lengths), new Set([1 << 20]));
  assert.is(lengths.length, 50);
});

test('of a progress bar, the last version of the line counts', () => {
  const events = eventsOf({ logs: [log(1, '10%\r20%'), log(2, 'x'), log(1, '\r100%\r\n')] });
  assert.equal(
    events.map((event) => event.type === 'output' && event.line),
    ['100%', 'x'],
  );
});

test('the end of a step does not end the lines of others', () => {
  const other = { vertex: 'b', stream: 1n, msg: Buffer.from('half ') };
  const events = eventsOf(
    { ...vertex({ started: at(1) }), logs: [other, log(1, 'its own')] },
    vertex({ started: at(1), completed: at(2) }),
    { logs: [{ ...other, msg: Buffer.from('line\n') }] },
  );
  assert.equal(
    events.flatMap((event) => (event.type === 'output' ? [`${event.step} ${event.line}`] : [])),
    ['a its own', 'b half line'],
  );
});

test('the lines of a warning are all of its ranges', () => {
  const range = (first: number, last: number) => ({ start: { line: first }, end: { line: last } });
  const [event] = eventsOf({ warnings: [{ vertex: 'a', ranges: [range(7, 8), range(3, 4)] }] });
  assert.equal(event?.type === 'warning' && event.warning.lines, { first: 3, last: 8 });
});

test('a warning is reported once, with its lines', () => {
  const warning = {
    vertex: 'a',
    short: Buffer.from('Rule: text'),
    detail: [Buffer.from('more')],
    url: 'https://x',
    info: { filename: 'Dockerfile' },
    ranges: [{ start: { line: 3 }, end: { line: 4 } }],
  };
  assert.equal(eventsOf({ warnings: [warning] }, { warnings: [warning, { ...warning, vertex: 'b' }] }), [
    {
      type: 'warning',
      warning: {
        message: 'Rule: text',
        details: ['more'],
        url: 'https://x',
        file: 'Dockerfile',
        lines: { first: 3, last: 4 },
      },
    },
  ]);
});

test('transfers have their bytes', () => {
  const status = { ID: 'sha256:l', vertex: 'a', current: 5n, total: 10n };
  assert.equal(eventsOf({ statuses: [status, { ...status, total: 0n, completed: at(1) }] }), [
    { type: 'transfer', transfer: { step: 'a', id: 'sha256:l', current: 5, total: 10, isDone: false } },
    { type: 'transfer', transfer: { step: 'a', id: 'sha256:l', current: 5, total: undefined, isDone: true } },
  ]);
});

test('instructions are known by their place', () => {
  assert.equal(parseInstruction('[3/5] RUN make'), { number: 3, total: 5, text: 'RUN make' });
  assert.equal(parseInstruction('[build  2/4] COPY . .'), {
    stage: 'build',
    number: 2,
    total: 4,
    text: 'COPY . .',
  });
  assert.is(parseInstruction('[internal] load build context'), undefined);
  assert.is(parseInstruction('exporting to image'), undefined);
});

test.run();
