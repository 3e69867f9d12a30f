import type { StepProgress } from '../model/events.ts';

/** A step of a task, as reporters show it. */
export interface ShownStep {
  /** `2/5` */
  readonly place: string | undefined;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly isRunning: boolean;
  readonly bytes: number | undefined;
  readonly totalBytes: number | undefined;
  /** The last line that it printed, as far as lines can be told from those of other steps. */
  readonly lastLine: string;
}

interface Step extends ShownStep {
  readonly prefix: string | undefined;
}

/** The steps of a task that run now. Several do, if a Dockerfile has several stages. */
export interface RunningSteps {
  /** `now`: milliseconds since 1970. */
  apply(progress: StepProgress, now: number): void;
  line(line: string): void;
  /** Returns the step that began last of those that run, or the one that ended last if none does; undefined before the first. */
  current(): ShownStep | undefined;
}

export function makeRunningSteps(): RunningSteps {
  /** In the order in which they began. */
  const running = new Map<string, Step>();
  let last: Step | undefined;

  const begin = (key: string, progress: StepProgress, now: number): void => {
    // A step without a number has no end, unless it transfers bytes.
    for (const [other, step] of running)
      if (step.place === undefined && step.bytes === undefined) running.delete(other);
    const { step, steps, text, bytes, totalBytes, prefix } = progress;
    const place = step === undefined ? undefined : `${step}/${steps}`;
    running.set(key, {
      place,
      text,
      startedAt: now,
      isRunning: true,
      bytes,
      totalBytes,
      lastLine: '',
      prefix,
    });
  };

  return {
    apply(progress, now) {
      const { step, text, bytes, totalBytes, ended } = progress;
      const key = `${step ?? ''} ${text}`;
      const known = running.get(key);
      if (ended !== undefined) {
        if (known === undefined) return;
        running.delete(key);
        last = { ...known, isRunning: false };
      } else if (known !== undefined && bytes !== undefined)
        running.set(key, { ...known, bytes, totalBytes });
      else begin(key, progress, now);
    },
    line(line) {
      for (const [key, step] of running) {
        if (step.prefix === undefined || !line.startsWith(step.prefix)) continue;
        const text = line.slice(step.prefix.length);
        if (text.trim() !== '') running.set(key, { ...step, lastLine: text });
      }
    },
    current: () => [...running.values()].at(-1) ?? last,
  };
}
