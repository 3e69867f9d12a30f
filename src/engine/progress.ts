import type { StepProgress } from '../model/events.ts';
import type { Progress } from '../model/ports.ts';

/** Follows the plain progress of BuildKit (`docker build --progress=plain`), line by line. */
export interface ProgressReader {
  line(line: string): void;
  /** The step that failed, as `[3/5] RUN make`; undefined where none did. */
  failedStep(): string | undefined;
  /** The steps that were carried out, not found in the cache. */
  ran(): readonly string[];
  /** BuildKit's last word: the text behind `ERROR:` or `error:`. */
  failure(): string | undefined;
}

const vertexLine = /^#(\d+) (.*)$/;
/** `[3/5] RUN make`, `[build 2/4] COPY . .`, `[stage-1 1/3] FROM …`: a Dockerfile step, with its stage where there are several. */
const stepName = /^\[(?:(\S+) +)?(\d+)\/(\d+)\] (.+)$/;
const outputLine = /^(\d+\.\d+) ?(.*)$/;

/** How BuildKit ends a step. An interrupted one ends with the build. */
const endings = { DONE: 'done', CACHED: 'cached', ERROR: 'failed' } as const;

/** Tells `progress` of steps as they begin and end; every line goes to `progress.line`. */
export function readBuildKit(progress: Progress): ProgressReader {
  const names = new Map<string, string>();
  const open = new Map<string, StepProgress>();
  const cached = new Set<string>();
  let failed: string | undefined;
  let failure: string | undefined;
  return {
    line(line) {
      progress.line(line);
      const said = /^(?:ERROR: |error: |failed to solve|#\d+ ERROR:? )(.*)$/.exec(line);
      if (said !== null) failure = line.replace(/^(ERROR|error): /, '').replace(/^#\d+ ERROR:? /, '');
      const [, vertex, rest] = vertexLine.exec(line) ?? [];
      if (vertex === undefined || rest === undefined) return;
      if (/^ERROR/.test(rest)) failed ??= names.get(vertex);
      if (rest === 'CACHED') cached.add(vertex);
      const [, ending] = /^(DONE|CACHED|ERROR)\b/.exec(rest) ?? [];
      const step = open.get(vertex);
      if (ending !== undefined && step !== undefined) {
        open.delete(vertex);
        progress.step({ ...step, ended: endings[ending as keyof typeof endings] });
      }
      if (/^(DONE|CACHED|ERROR|CANCELED|\.\.\.)/.test(rest) || outputLine.test(rest)) return;
      const match = stepName.exec(rest);
      if (match === null || names.has(vertex)) return;
      names.set(vertex, rest);
      const [, stage, number, steps, text] = match;
      const begun = {
        step: Number(number),
        steps: Number(steps),
        text: stage === undefined ? text! : `${stage}: ${text!}`,
      };
      open.set(vertex, begun);
      progress.step(begun);
    },
    failedStep: () => failed,
    // A base that is here already is neither: it says DONE.
    ran: () =>
      [...names]
        .filter(([vertex, name]) => !cached.has(vertex) && !/\] FROM /.test(name))
        .map(([, name]) => name),
    failure: () => failure,
  };
}
