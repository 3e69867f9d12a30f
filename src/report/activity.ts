import { formatBytes, stripControls } from './format.ts';
import type { Paint } from './reporter.ts';
import type { RunningSteps, ShownStep } from './running-steps.ts';
import { clipToWidth, padToWidth, textWidth } from './width.ts';

/** What a running task is doing. */
export interface Activity {
  /** True if the task has the steps of a Dockerfile. Of other tasks the last line of output is shown instead. */
  readonly hasSteps: boolean;
  readonly steps: RunningSteps;
  /** What is shown before the first step. */
  readonly text: string;
}

/** After how many milliseconds a step shows its last line of output. */
const longStepMs = 3_000;
/** A step gets at least this width beside its details, and they get at least the other. */
const [minStepWidth, minDetailWidth] = [16, 10];

/** Formats what a task is doing, `room` columns wide: its step, and the bytes or the last line of that. `now`: milliseconds since 1970. */
export function activityText(
  { hasSteps, steps, text }: Activity,
  now: number,
  room: number,
  paint: Paint,
): string {
  const fill = (line: string): string => padToWidth(clipToWidth(line, room), room);
  const step = steps.current();
  if (step === undefined || (!hasSteps && text !== '')) return fill(text);
  const place = step.place === undefined ? '' : `${step.place}  `;
  const whole = `${place}${stripControls(step.text)}`;
  const detail = detailOf(step, now);
  if (detail === '') return fill(whole);
  const wanted = step.bytes === undefined ? Math.floor(room / 2) : room - textWidth(detail) - 2;
  const stepText = clipToWidth(whole, Math.max(minStepWidth, wanted));
  const detailRoom = room - textWidth(stepText) - 2;
  // Where there is no room for both, what changes is worth more.
  const [start, left] =
    detailRoom >= Math.min(minDetailWidth, textWidth(detail))
      ? [`${stepText}  `, detailRoom]
      : [place, Math.max(0, room - place.length)];
  return `${start}${paint.dim(padToWidth(clipToWidth(detail, left), left))}`;
}

/** Returns the bytes that a step has transferred, or the last line of a long step. */
function detailOf({ isRunning, startedAt, bytes, totalBytes, lastLine }: ShownStep, now: number): string {
  if (!isRunning) return '';
  if (bytes !== undefined)
    return `${formatBytes(bytes)}${totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`}`;
  return now - startedAt > longStepMs ? stripControls(lastLine) : '';
}
