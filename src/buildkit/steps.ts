import type { StatusResponse, Timestamp, Vertex } from './proto/progress_pb.js';

/** `cancelled`: it was stopped because another step failed or the build was cancelled. */
export type StepState = 'running' | 'done' | 'cached' | 'failed' | 'cancelled';

/** A step of a build: BuildKit calls it a vertex. */
export interface BuildStep {
  /** Identifies the step within the build. */
  readonly digest: string;
  /** As BuildKit writes it: `[build 2/5] RUN make`, `[internal] load build context`. */
  readonly name: string;
  /** The place in the Dockerfile's stage. Undefined for steps that are not instructions. */
  readonly instruction?: Instruction;
  readonly state: StepState;
  /** Why it failed. */
  readonly error?: string;
}

/** An instruction of the Dockerfile that is built. */
export interface Instruction {
  /** The name of the stage; undefined if there is only one. */
  readonly stage?: string;
  readonly number: number;
  /** The number of instructions of the stage that are built. */
  readonly total: number;
  readonly text: string;
}

/** Keeps the state of each step. */
export interface StepTracker {
  /** Takes the states of a status message. Returns the steps whose state is new, in the message's order. */
  update(vertexes: StatusResponse['vertexes']): BuildStep[];
  all(): BuildStep[];
}

/** What is known of a vertex: one of its intervals. */
interface Interval {
  readonly started: bigint;
  readonly completed: bigint | undefined;
}

/**
 * A vertex may run more than once: a base image is resolved, then pulled. Each interval is reported with its start, and again with
 * its end; the reports may come repeatedly and in any order. The interval that started last is the vertex's state, and its end
 * stands even if the report of its start comes later (moby/buildkit solver/jobs.go, `notifyStarted`).
 */
export function trackSteps(): StepTracker {
  const steps = new Map<string, BuildStep>();
  const intervals = new Map<string, Interval>();
  return {
    update(vertexes) {
      return vertexes.flatMap((vertex) => {
        const interval = intervalOf(vertex);
        if (interval === undefined || !isNewer(interval, intervals.get(vertex.digest))) return [];
        intervals.set(vertex.digest, interval);
        const [before, step] = [steps.get(vertex.digest), stepOf(vertex)];
        steps.set(vertex.digest, step);
        return before?.state === step.state && before.error === step.error ? [] : [step];
      });
    },
    all: () => [...steps.values()],
  };
}

/** Undefined for a vertex that has not started. */
function intervalOf({ started, completed }: Vertex): Interval | undefined {
  const end = nanosecondsOf(completed);
  const start = nanosecondsOf(started) ?? end;
  return start === undefined ? undefined : { started: start, completed: end };
}

function nanosecondsOf(time: Timestamp | undefined): bigint | undefined {
  return time === undefined ? undefined : time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

function isNewer(interval: Interval, known: Interval | undefined): boolean {
  if (known === undefined || interval.started > known.started) return true;
  return (
    interval.started === known.started && (known.completed === undefined || interval.completed !== undefined)
  );
}

function stepOf(vertex: Vertex): BuildStep {
  const instruction = parseInstruction(vertex.name);
  return {
    digest: vertex.digest,
    name: vertex.name,
    ...(instruction === undefined ? {} : { instruction }),
    state: stateOf(vertex),
    ...(vertex.error === '' ? {} : { error: vertex.error }),
  };
}

function stateOf({ completed, cached, error }: Vertex): StepState {
  if (completed === undefined) return 'running';
  if (error !== '') return error.endsWith('context canceled') ? 'cancelled' : 'failed';
  return cached ? 'cached' : 'done';
}

/** Parses a name as the Dockerfile frontend writes it: `[3/5] RUN make`, `[build 2/4] COPY . .`, `[linux/arm64 build 2/4] …`. */
export function parseInstruction(name: string): Instruction | undefined {
  const match = /^\[(?:(.*\S) +)?(\d+)\/(\d+)\] ([\s\S]+)$/.exec(name);
  if (match === null) return undefined;
  const [, stage, number, total, text] = match;
  return {
    ...(stage === undefined ? {} : { stage }),
    number: Number(number),
    total: Number(total),
    text: text!,
  };
}
