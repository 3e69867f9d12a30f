import type { RunEvent } from '../model/events.ts';
import type { Clock } from '../model/ports.ts';
import { timeText } from './footer.ts';
import type { Reporter, Write } from './reporter.ts';
import { isActive, trackProgress } from './run-progress.ts';
import { startTicker } from './ticker.ts';

/** What a terminal shows besides its screen. */
export interface TerminalFeatures {
  /** The title of its window or tab. */
  readonly title: boolean;
  /** A progress bar in its tab or in the task bar. */
  readonly progress: boolean;
}

/** How often the progress is shown, in milliseconds. */
const updateMs = 1_000;

// Control sequences end with ST, because VTE does not accept BEL (ECMA-48, 8.3.89).
const osc = (text: string): string => `\x1b]${text}\x1b\\`;
/** xterm's stack of titles (XTWINOPS, invisible-island.net/xterm/ctlseqs). */
const saveTitle = '\x1b[22;2t';
/** A terminal without that stack gets an empty title, which most replace by their own. */
const restoreTitle = `${osc('2;')}\x1b[23;2t`;
/** ConEmu's progress: OSC 9 ; 4 ; state ; percent. State 1 is normal, 2 is an error, 0 removes it. */
const progressOf = (state: 1 | 2, percent: number): string => osc(`9;4;${state};${percent}`);
const removeProgress = osc('9;4;0;0');

/**
 * Returns a reporter that shows how far a run is in the title and in the progress bar of a terminal. It changes nothing before there is
 * something to do, and restores both when it is closed or the process exits. `write` writes to the terminal, unchanged. `onExit` registers
 * what to do at the exit of the process, and returns a function that removes it.
 */
export function terminalStatusReporter(
  write: Write,
  { title, progress }: TerminalFeatures,
  clock: Clock,
  onExit: (restore: () => void) => () => void,
): Reporter {
  const tracker = trackProgress();
  let command = '';
  let phase = '';
  let end: (() => void) | undefined;
  const shown = { title: '', progress: '' };

  const update = (): void => {
    const now = tracker.read(clock.now().getTime());
    const time = timeText(now);
    const newTitle = osc(
      `2;${now.hasFailed ? '✖ ' : ''}${now.finished}/${now.total} · tasks ${command}${phase}${time === '' ? '' : `, ${time}`}`,
    );
    if (title && newTitle !== shown.title) write(newTitle);
    const newProgress = progressOf(now.hasFailed ? 2 : 1, Math.floor(100 * now.fraction));
    if (progress && newProgress !== shown.progress) write(newProgress);
    Object.assign(shown, { title: newTitle, progress: newProgress });
  };

  const start = (): (() => void) => {
    if (title) write(saveTitle);
    const restore = (): void => {
      if (title) write(restoreTitle);
      if (progress) write(removeProgress);
    };
    const forget = onExit(restore);
    const stopTicker = startTicker(clock, updateMs, update);
    return () => {
      stopTicker();
      forget();
      restore();
    };
  };

  return {
    onEvent(event: RunEvent) {
      tracker.apply(event);
      if (event.type === 'run-started') ({ command } = event);
      if (event.type === 'phase-started' && event.tasks.some(isActive)) {
        phase = event.phase === command ? '' : `: ${event.phase}`;
        end ??= start();
      }
      // Thousands of tasks may be up to date: they change nothing.
      const isShown = event.type === 'task-finished' && event.outcome !== 'reused';
      if ((isShown || event.type === 'phase-started') && end !== undefined) update();
    },
    close: async () => end?.(),
  };
}
