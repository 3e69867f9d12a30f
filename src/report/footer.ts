import { formatDuration, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';
import type { PhaseProgress } from './run-progress.ts';

const minBar = 8;
const maxBar = 30;

/**
 * Formats the last line of the live view: `14/19 tasks  ━━━━━━──  ~3 m 5 s left · critical path ends with exttester:17.9`. What does
 * not fit `columns` is left out: first the path, then the bar, then the time.
 */
export function footerLine(progress: PhaseProgress, columns: number, paint: Paint): string {
  const { finished, total, last } = progress;
  const count = `${finished}/${pluralize(total, 'task')}`;
  const time = timeText(progress);
  const path = last === undefined || time === '' ? '' : ` · critical path ends with ${last}`;
  const barWidth = Math.max(minBar, Math.min(maxBar, Math.floor(columns / 4)));
  const fits = (text: string): boolean => text.length <= columns;
  const bar = ' '.repeat(barWidth + 2);
  const withBar = fits(`${count}${bar}  ${time}`);
  const start = withBar ? `${paint.dim(count)}  ${progressBar(progress, barWidth, paint)}` : paint.dim(count);
  const plainStart = withBar ? `${count}${bar}` : count;
  const end = [`${time}${path}`, time].find((text) => text !== '' && fits(`${plainStart}  ${text}`));
  return end === undefined ? start : `${start}  ${paint.dim(end)}`;
}

function progressBar({ fraction, hasFailed }: PhaseProgress, width: number, paint: Paint): string {
  const filled = Math.floor(fraction * width);
  const color = hasFailed ? paint.bad : paint.good;
  return `${filled > 0 ? color('━'.repeat(filled)) : ''}${paint.dim('─'.repeat(width - filled))}`;
}

/** Says how long the rest takes, and what is not known about that. Empty if nothing is known. */
export function timeText({ finished, total, leftMs, untimed, isLate }: PhaseProgress): string {
  if (finished === total || leftMs === undefined) return '';
  const more = untimed === 0 ? '' : `, ${pluralize(untimed, 'task')} never timed`;
  if (leftMs === 0) return isLate ? `longer than last time${more}` : '';
  return `${isLate || untimed > 0 ? 'more than ' : '~'}${formatSeconds(leftMs)} left${more}`;
}

/** Formats a duration that counts down: in whole seconds. */
function formatSeconds(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}
