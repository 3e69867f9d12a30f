import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../src/cli/context.ts';
import { ownCommand } from '../../../src/cli/own-command.ts';
import { withScreen } from '../../../src/cli/run-screen.ts';
import { readSettings } from '../../../src/cli/settings.ts';
import { type Phase, type RunEvent, zeroCounts } from '../../../src/model/events.ts';
import { silentReporter } from '../../../src/report/reporter.ts';
import { manualClock } from '../../support/manual-clock.ts';

const test = suite('the screen of a run');
const time = '2026-11-23T00:00:00.000Z';

/** The events of a phase in which one task has this action. */
function phaseEvents(phase: Phase, action: 'reuse' | 'build' | 'upload'): RunEvent[] {
  const counts = zeroCounts();
  return [
    { type: 'phase-started', time, phase, jobs: 1, tasks: [{ id: `${phase}:1`, action, needs: [] }] },
    { type: 'task-finished', time, phase, id: `${phase}:1`, outcome: 'built', ms: 1 },
    { type: 'phase-finished', time, phase, ok: true, counts, ms: 1 },
  ];
}

/** Returns the commands whose phases a run shows, `build`, `test`, `push`. */
async function shown(mainPhase: Phase, events: readonly RunEvent[], flags = {}): Promise<string[]> {
  let text = '';
  const settings = readSettings(flags, {
    environment: {},
    cwd: '/',
    outIsTerminal: false,
    errIsTerminal: false,
  });
  const write = (more: string): void => {
    text += more;
  };
  const context = {
    settings,
    own: ownCommand([], {}),
    terminal: { err: write, json: (value: unknown) => write(JSON.stringify(value)) },
    host: { clock: manualClock() },
  };
  await withScreen(
    context as unknown as Context,
    { followers: silentReporter, mainPhase },
    async (onEvent) => {
      for (const event of events) onEvent(event);
    },
  );
  return text.startsWith('{') ? [text] : [...text.matchAll(/^tasks (\w+) /gm)].map(([, command]) => command!);
}

test('a phase without work is hidden, unless the command is about it', async () => {
  const idle = [...phaseEvents('build', 'reuse'), ...phaseEvents('test', 'reuse')];
  assert.equal(await shown('build', phaseEvents('build', 'reuse')), ['build']);
  assert.equal(await shown('test', idle), ['test']);
  assert.equal(await shown('upload', [...idle, ...phaseEvents('upload', 'reuse')]), ['push']);
});

test('phases with work are shown one after the other; publishing is not', async () => {
  const events = [
    ...phaseEvents('build', 'build'),
    ...phaseEvents('test', 'reuse'),
    ...phaseEvents('upload', 'upload'),
    ...phaseEvents('publish', 'reuse'),
  ];
  assert.equal(await shown('upload', events), ['build', 'push']);
});

test('--json prints every event, those of publishing too', async () => {
  const events = [...phaseEvents('build', 'reuse'), ...phaseEvents('publish', 'reuse')];
  assert.equal(await shown('upload', events, { json: true }), [
    events.map((event) => JSON.stringify(event)).join(''),
  ]);
});

test.run();
