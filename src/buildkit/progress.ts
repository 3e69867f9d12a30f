import type { StatusResponse, VertexStatus, VertexWarning } from './proto/progress_pb.js';
import { splitLines } from './step-output.ts';
import { type BuildStep, trackSteps } from './steps.ts';

/** Something that happened in a build. */
export type BuildEvent =
  /** A step has a new state. */
  | { readonly type: 'step'; readonly step: BuildStep }
  /** A step wrote a line. It may come before the step's first state. */
  | {
      readonly type: 'output';
      /** The digest of the step. */
      readonly step: string;
      readonly stream: 'stdout' | 'stderr';
      /** Without its line ending. */
      readonly line: string;
    }
  | { readonly type: 'transfer'; readonly transfer: StepTransfer }
  /** A build check found something. */
  | { readonly type: 'warning'; readonly warning: BuildWarning };

/** Bytes that a step moves: a layer that is downloaded, the context that is sent. */
export interface StepTransfer {
  /** The digest of the step. */
  readonly step: string;
  /** Identifies the transfer within the step: `sha256:…`, `extracting sha256:…`, `transferring context:`. */
  readonly id: string;
  readonly current: number;
  /** Undefined if it is not known. */
  readonly total: number | undefined;
  readonly isDone: boolean;
}

/** A build check's finding (docs.docker.com, "Build checks"). */
export interface BuildWarning {
  /** For example `JSONArgsRecommended: JSON arguments recommended for CMD …`. */
  readonly message: string;
  readonly details: readonly string[];
  readonly url: string | undefined;
  readonly file: string | undefined;
  /** The first and last line. */
  readonly lines: { readonly first: number; readonly last: number } | undefined;
}

/** Turns the messages of Control/Status into events. */
export interface ProgressReader {
  read(message: StatusResponse): BuildEvent[];
  /** Returns what remains when no more messages come: lines without an ending. */
  end(): BuildEvent[];
  steps(): readonly BuildStep[];
}

export function readProgress(): ProgressReader {
  const steps = trackSteps();
  const output = splitLines();
  const warned = new Set<string>();

  const outputEvent = (row: { digest: string; stream: number; line: string }): BuildEvent => ({
    type: 'output',
    step: row.digest,
    stream: row.stream === 2 ? 'stderr' : 'stdout',
    line: row.line,
  });

  return {
    read(message) {
      const changed = steps.update(message.vertexes);
      const starts = changed.filter(({ state }) => state === 'running');
      const ends = changed.filter(({ state }) => state !== 'running');
      return [
        // What a message says of a step's output comes before the step's end.
        ...starts.map((step): BuildEvent => ({ type: 'step', step })),
        ...message.logs
          .flatMap((log) => output.push(log.vertex, Number(log.stream), log.msg))
          .map(outputEvent),
        ...message.statuses.map((status): BuildEvent => ({ type: 'transfer', transfer: transferOf(status) })),
        ...ends.flatMap((step): BuildEvent[] => [
          ...output.flush(step.digest).map(outputEvent),
          { type: 'step', step },
        ]),
        ...message.warnings.flatMap((warning) => newWarning(warning, warned)),
      ];
    },
    end: () => output.flush().map(outputEvent),
    steps: () => steps.all(),
  };
}

function transferOf({ ID, name, vertex, current, total, completed }: VertexStatus): StepTransfer {
  return {
    step: vertex,
    id: ID || name,
    current: Number(current),
    total: total > 0n ? Number(total) : undefined,
    isDone: completed !== undefined,
  };
}

/** The engine repeats warnings, for example for each platform and each subscriber. */
function newWarning(warning: VertexWarning, warned: Set<string>): BuildEvent[] {
  const found = warningOf(warning);
  const key = JSON.stringify(found);
  if (warned.has(key)) return [];
  warned.add(key);
  return [{ type: 'warning', warning: found }];
}

function warningOf({ short, detail, url, info, ranges }: VertexWarning): BuildWarning {
  const lines = ranges
    .flatMap(({ start, end }) => [start?.line ?? 0, end?.line ?? 0])
    .filter((line) => line > 0);
  return {
    message: textOf(short),
    details: detail.map(textOf),
    url: url || undefined,
    file: info?.filename || undefined,
    lines: lines.length === 0 ? undefined : { first: Math.min(...lines), last: Math.max(...lines) },
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
