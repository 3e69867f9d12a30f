import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, Phase, PlannedTask, RunEvent } from '../../../src/model/events.ts';
import { markdownReporter } from '../../../src/report/markdown.ts';
import { at, failedBuild, noCounts } from '../../support/report-events.ts';

const test = suite('job summary');
const room = 1 << 20;
const reader = { folder: '/', pasteable: (text: string): string => text };

/** Returns what a run with these events appends. */
function summaryOf(
  tasks: readonly (Partial<PlannedTask> & { readonly id: string })[],
  events: readonly (EventBody | RunEvent)[],
  { command = 'build', bytes = room } = {},
): string {
  let text = '';
  const { onEvent } = markdownReporter({
    append: (render) => {
      text += render(bytes);
    },
    reader,
  });
  const planned = tasks.map((task): PlannedTask => ({ action: 'build', needs: [], ...task }));
  const all = [
    { type: 'run-started', command, jobs: 1, tasks: planned },
    ...events,
    { type: 'run-finished', ok: true, counts: noCounts, ms: 1_000 },
  ];
  for (const event of all) onEvent({ time: at(0), ...event } as RunEvent);
  return text;
}

const finished = (id: string, more: object = {}): EventBody =>
  ({ type: 'task-finished', phase: 'build', id, outcome: 'built', ms: 2_000, ...more }) as EventBody;

function phase(name: Phase, events: readonly EventBody[] = [], counts: object = {}): EventBody[] {
  return [
    { type: 'phase-started', phase: name, jobs: 1, tasks: [] },
    ...events.map((event) => ({ ...event, phase: name }) as EventBody),
    { type: 'phase-finished', phase: name, ok: true, counts: { ...noCounts, ...counts }, ms: 1_000 },
  ];
}

const rowsOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('| '));

test('a row says why a task was built, how its test ended, how long it took, its size and its tags', () => {
  const reason = { code: 'changed' as const, detail: 'file a|b_c.txt changed' };
  const tasks = [
    { id: 'a:1', reason, previousBytes: 400e6, tested: true as const },
    { id: 'b:1', action: 'reuse' as const },
  ];
  const text = summaryOf(
    tasks,
    [
      ...phase(
        'build',
        [
          finished('a:1', { bytes: 412e6, tags: ['team/a:1-dev'] }),
          finished('b:1', { outcome: 'reused', ms: 0 }),
        ],
        {
          built: 1,
          reused: 1,
        },
      ),
      ...phase('test', [finished('a:1', { ms: 3_000 }), finished('b:1', { outcome: 'reused', ms: 0 })], {
        built: 1,
        reused: 1,
      }),
    ],
    { command: 'test' },
  );
  assert.is(
    text,
    `### tasks test

**build**<br>✔ 1 built, 1 up to date in 1.0 s

**test**<br>✔ 1 passed, 1 up to date in 1.0 s

| task | result | why | test | time | size | tags |
| --- | --- | --- | --- | --- | --- | --- |
| a:1 | built | file a\\|b\\_c.txt changed | passed in 3.0 s | 2.0 s | 412 MB (+12 MB) | \`team/a:1-dev\` |

`,
  );
});

test('a push lists the tags that it published; a kept test is named where the image was uploaded', () => {
  const text = summaryOf(
    [{ id: 'a:1', action: 'reuse' }],
    [
      ...phase('build', [finished('a:1', { outcome: 'reused', ms: 0, tags: ['tasks.invalid/a:1'] })]),
      ...phase('test', [finished('a:1', { outcome: 'reused', ms: 0 })]),
      ...phase('upload', [finished('a:1', { bytes: 5e6, ms: 1_000 })], { built: 1 }),
      ...phase('publish', [finished('a:1', { outcome: 'retagged', tags: ['team/a:1'] })]),
    ],
    { command: 'push' },
  );
  assert.match(text, /^### tasks push\n\n✔ .*\n\n\| task/, 'phases without work are left out');
  assert.equal(rowsOf(text).slice(2), ['| a:1 | uploaded | passed before | 1.0 s | 5.0 MB | `team/a:1` |']);
});

test('a run with nothing to do has its last phase, and no table', () => {
  const idle = finished('a:1', { outcome: 'reused', ms: 0 });
  const text = summaryOf([{ id: 'a:1', action: 'reuse' }], phase('build', [idle], { reused: 1 }));
  assert.is(text, '### tasks build\n\n✔ 1 up to date in 1.0 s\n\n');
});

test('a smaller image and one of unknown size before are told apart', () => {
  const sizes = (previousBytes: number | undefined, bytes: number): string => {
    const task = { id: 'a:1', ...(previousBytes === undefined ? {} : { previousBytes }) };
    return rowsOf(summaryOf([task], phase('build', [finished('a:1', { bytes })])))[2]!;
  };
  assert.match(sizes(9_000_000, 8_000_000), '| 8.0 MB (-1.0 MB) |');
  assert.match(sizes(8_000_000, 8_000_000), '| 8.0 MB |');
  assert.match(sizes(undefined, 8_000_000), '| 8.0 MB |');
});

test('failures are blocks with their place, excerpt, output and log, escaped', () => {
  const events = failedBuild.map((event): RunEvent => {
    if (event.type !== 'task-finished' || event.outcome !== 'failed') return event;
    return { ...event, error: { ...event.error!, instruction: 'RUN <x>', lines: ['```', '<b>'] } };
  });
  const planned = [
    { id: 'files:1', action: 'run' as const },
    { id: 'app:1', previousBytes: 5, reason: { code: 'not-built' as const, detail: 'not built before' } },
    { id: 'top:1' },
  ];
  assert.is(
    summaryOf(planned, events),
    `### tasks build

✖ 1 built, 1 up to date, 1 failed, 1 blocked in 9.0 s · saved about 1 m 0 s

<details open>
<summary>✖ app:1  RUN &lt;x> ended with exit code 2</summary>

\`\`\`\`
app/Dockerfile:7
> RUN make all
│ \`\`\`
│ <b>
log: logs/app
\`\`\`\`

</details>

| task | result | why | time | size |
| --- | --- | --- | --- | --- |
| files:1 | ran |  | 4.0 s | 12 MB |
| app:1 | **failed** | not built before | 9.0 s |  |
| top:1 | blocked |  |  |  |

`,
  );
});

test('the summary fits the room that is left, and says what is missing', () => {
  const ids = Array.from({ length: 3_000 }, (_, index) => `image-${index}:1`);
  const events = ids.map((id, index) => {
    const error = {
      message: `${'é'.repeat(900)} in ${'x'.repeat(index % 50)}`,
      log: '/l',
      lines: ['y'.repeat(70_000)],
    };
    return finished(id, index % 2 === 0 ? { outcome: 'failed', error } : { tags: [`team/${id}`] });
  });
  const tasks = ids.map((id) => ({ id, reason: { code: 'changed' as const, detail: '|'.repeat(500) } }));
  for (const bytes of [room, 100_000, 5_000]) {
    const text = summaryOf(tasks, phase('build', events), { bytes });
    assert.ok(Buffer.byteLength(text) <= bytes, `${Buffer.byteLength(text)} of ${bytes}`);
    assert.match(text, /\nand \d+ more tasks\n/);
    assert.match(text, /^### tasks build\n/);
    if (bytes < 10_000) assert.match(text, /\nand \d+ more failures\n/);
  }
  assert.is(summaryOf(tasks, phase('build', events), { bytes: 100 }), '');
});

test('a second run has a summary of its own', () => {
  let text = '';
  const { onEvent } = markdownReporter({ append: (render) => (text = render(room)), reader });
  for (const id of ['a:1', 'b:1'])
    for (const event of [
      { type: 'run-started', command: 'build', jobs: 1, tasks: [] },
      ...phase('build', [finished(id)]),
      { type: 'run-finished', ok: true, counts: noCounts, ms: 0 },
    ])
      onEvent({ time: at(0), ...event } as RunEvent);
  assert.equal(
    rowsOf(text)
      .slice(2)
      .map((row) => row.slice(0, 7)),
    ['| b:1 |'],
  );
});

test.run();
