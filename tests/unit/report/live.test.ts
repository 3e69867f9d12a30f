import { Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../../src/model/events.ts';
import { liveReporter } from '../../../src/report/live.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { noCounts } from '../../support/report-events.ts';

const test = suite('live reporter');

test('a run whose tasks end before listr2 has started them ends', async () => {
  let text = '';
  const terminal = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const reader = { folder: '/', pasteable: (each: string) => each };
  const reporter = liveReporter(terminal as unknown as NodeJS.WriteStream, makePaint(false), 'list', reader);
  const events: object[] = [
    { type: 'phase-started', phase: 'build', jobs: 2, tasks: [{ id: 'a:1', action: 'build', needs: [] }] },
    { type: 'task-finished', phase: 'build', id: 'a:1', outcome: 'cancelled', ms: 0 },
    { type: 'phase-finished', phase: 'build', ok: false, counts: { ...noCounts, cancelled: 1 }, ms: 0 },
  ];
  for (const event of events) reporter.onEvent({ time: '2026-11-28T00:00:00.000Z', ...event } as RunEvent);
  await reporter.close();
  assert.match(text, /1 canceled/);
});

test.run();
