import type { BuildEvent, BuildWarning, StepTransfer } from '../buildkit/progress.ts';
import type { BuildStep } from '../buildkit/steps.ts';
import type { StepProgress } from '../model/events.ts';
import { keepLastLines, type LastLines, type Output } from '../model/last-lines.ts';
import type { BuildDockerfile, Progress } from '../model/ports.ts';

/** Passes the events of a build on as progress, and remembers the last lines of each step. */
export interface BuildReport {
  take(event: BuildEvent): void;
  /** Returns the last lines that a step wrote. */
  lastLinesOf(step: BuildStep): Output;
}

/** Milliseconds between two reports of the bytes of a step. */
const reportInterval = 250;
/** Smaller transfers are not reported. */
const minBytes = 1 << 20;
const contextStep = '[internal] load build context';

const endings = { done: 'DONE', cached: 'CACHED', failed: 'ERROR', cancelled: 'CANCELED' } as const;

export function reportBuild(dockerfile: BuildDockerfile, progress: Progress): BuildReport {
  const steps = new Map<string, BuildStep>();
  const numbers = new Map<string, number>();
  const begun = new Set<string>();
  const output = new Map<string, LastLines>();
  const transfers = new Map<string, Map<string, StepTransfer>>();
  /** When the bytes of a step were last reported. */
  const reportedAt = new Map<string, number>();
  const startedAt = performance.now();

  /** Names and errors may have several lines. */
  const printLines = (text: string, prefix = ''): void => {
    for (const line of text.split(/\r?\n/)) progress.line(`${prefix}${line}`);
  };

  const print = (digest: string, text: string): void => {
    if (!numbers.has(digest)) numbers.set(digest, numbers.size + 1);
    printLines(text, `#${numbers.get(digest)} `);
  };

  const begin = (step: BuildStep): void => {
    begun.add(step.digest);
    print(step.digest, step.name);
    const at = progressOf(step, dockerfile);
    if (at !== undefined) progress.step({ ...at, prefix: `#${numbers.get(step.digest)} ` });
  };

  const takeStep = (step: BuildStep): void => {
    steps.set(step.digest, step);
    // The start is missing where the engine reports the end first.
    if (step.state === 'running' || !begun.has(step.digest)) begin(step);
    if (step.state === 'running') return;
    begun.delete(step.digest);
    print(step.digest, step.error ? `${endings[step.state]} ${step.error}` : endings[step.state]);
    const at = progressOf(step, dockerfile) ?? (reportedAt.has(step.digest) ? contextProgress : undefined);
    if (at !== undefined && step.state !== 'cancelled') progress.step({ ...at, ended: step.state });
  };

  const takeOutput = ({ step: digest, line, stream }: Extract<BuildEvent, { type: 'output' }>): void => {
    const lines = output.get(digest) ?? keepLastLines();
    output.set(digest, lines);
    lines.add(line, stream);
    print(digest, line);
  };

  const takeTransfer = (transfer: StepTransfer): void => {
    const step = steps.get(transfer.step);
    if (step?.state !== 'running' || transfer.id.startsWith('extracting')) return;
    const parts = transfers.get(step.digest) ?? new Map<string, StepTransfer>();
    transfers.set(step.digest, parts.set(transfer.id, transfer));
    const now = performance.now();
    if (now - (reportedAt.get(step.digest) ?? startedAt) < reportInterval) return;
    const at = progressOf(step, dockerfile) ?? (step.name === contextStep ? contextProgress : undefined);
    const bytes = sum(parts, ({ current }) => current);
    if (at === undefined || bytes < minBytes) return;
    reportedAt.set(step.digest, now);
    const total = sum(parts, (part) => Math.max(part.total ?? 0, part.current));
    progress.step({ ...at, bytes, ...(total > bytes ? { totalBytes: total } : {}) });
  };

  return {
    take(event) {
      switch (event.type) {
        case 'step':
          return takeStep(event.step);
        case 'output':
          return takeOutput(event);
        case 'transfer':
          return takeTransfer(event.transfer);
        case 'warning':
          return printLines(formatWarning(event.warning));
      }
    },
    lastLinesOf: ({ digest }) => (output.get(digest) ?? keepLastLines()).read(),
  };
}

const contextProgress: StepProgress = { text: 'sending the build context' };

/** Undefined for steps that are not instructions. */
function progressOf({ instruction }: BuildStep, { linesOf }: BuildDockerfile): StepProgress | undefined {
  if (instruction === undefined) return undefined;
  const { stage, number, total, text } = instruction;
  const lines = linesOf(instruction);
  return {
    step: number,
    steps: total,
    text: stage === undefined ? text : `${stage}: ${text}`,
    ...(lines === undefined ? {} : { line: lines.line }),
  };
}

function sum(parts: ReadonlyMap<string, StepTransfer>, count: (part: StepTransfer) => number): number {
  return [...parts.values()].reduce((total, part) => total + count(part), 0);
}

/** For example `warning: Dockerfile:3: FromAsCasing: 'as' and 'FROM' keywords' casing do not match`. */
function formatWarning({ message, file, lines }: BuildWarning): string {
  const place = file === undefined ? [] : [lines === undefined ? file : `${file}:${lines.first}`];
  return ['warning', ...place, message].join(': ');
}
