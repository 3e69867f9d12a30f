import type { RunEvent } from '../../src/model/events.ts';

/** The time of an event, in ISO 8601. */
export const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

export const noCounts = {
  built: 0,
  reused: 0,
  retagged: 0,
  pulled: 0,
  skipped: 0,
  failed: 0,
  blocked: 0,
  cancelled: 0,
};

/** A build on builder nodes: one task finishes on the first, one loses it and finishes on the second. */
export const buildOnNodes = (...nodes: string[]): readonly RunEvent[] => {
  const last = nodes.at(-1)!;
  const started = (id: string, second: number, node: string): RunEvent => ({
    type: 'task-started',
    phase: 'build',
    time: at(second),
    id,
    action: 'build',
    node,
  });
  const finished = (id: string, second: number, node: string): RunEvent => ({
    type: 'task-finished',
    phase: 'build',
    time: at(second),
    id,
    node,
    outcome: 'built',
    ms: second * 1_000,
    bytes: 12_300_000,
  });
  return [
    {
      type: 'phase-started',
      time: at(0),
      phase: 'build',
      jobs: 2,
      nodes,
      tasks: [
        { id: 'app:1', action: 'build', needs: [], expectedMs: 30_000 },
        { id: 'tool:1', action: 'build', needs: [], expectedMs: 10_000 },
      ],
    },
    started('app:1', 0, nodes[0]!),
    started('tool:1', 0, last),
    finished('tool:1', 3, last),
    ...(nodes.length > 1 ? [started('app:1', 4, last)] : []),
    finished('app:1', 9, last),
    {
      type: 'phase-finished',
      phase: 'build',
      time: at(9),
      ok: true,
      counts: { ...noCounts, built: 2 },
      ms: 9_000,
    },
  ];
};

/** A build in which one task is up to date, one runs, one fails and one is blocked. */
export const failedBuild: readonly RunEvent[] = [
  {
    type: 'phase-started',
    time: at(0),
    phase: 'build',
    jobs: 2,
    tasks: [
      { id: 'base:1', action: 'reuse', needs: [], expectedMs: 60_000 },
      { id: 'files:1', action: 'run', needs: [], expectedMs: 10_000 },
      { id: 'app:1', action: 'build', needs: ['base:1'], expectedMs: 30_000 },
      { id: 'top:1', action: 'build', needs: ['app:1'], expectedMs: 5_000 },
    ],
  },
  { type: 'task-finished', phase: 'build', time: at(0), id: 'base:1', outcome: 'reused', ms: 0 },
  { type: 'task-started', phase: 'build', time: at(0), id: 'files:1', action: 'run' },
  { type: 'task-started', phase: 'build', time: at(0), id: 'app:1', action: 'build' },
  {
    type: 'task-progress',
    phase: 'build',
    time: at(1),
    id: 'app:1',
    step: 2,
    steps: 5,
    text: 'RUN make all',
  },
  { type: 'task-output', phase: 'build', time: at(1), id: 'app:1', line: '::error::gcc says' },
  {
    type: 'task-finished',
    phase: 'build',
    time: at(4),
    id: 'files:1',
    outcome: 'built',
    ms: 4_000,
    bytes: 12_300_000,
  },
  {
    type: 'task-finished',
    phase: 'build',
    time: at(9),
    id: 'app:1',
    outcome: 'failed',
    ms: 9_000,
    error: {
      message: 'exit code: 2',
      step: '[2/5] RUN make all',
      instruction: 'RUN',
      file: 'app/Dockerfile',
      line: 7,
      endLine: 7,
      excerpt: ['RUN make all'],
      exitCode: 2,
      lines: ['gcc says'],
      log: '/logs/app',
    },
  },
  {
    type: 'task-finished',
    phase: 'build',
    time: at(9),
    id: 'top:1',
    outcome: 'blocked',
    ms: 0,
    error: { message: 'app:1 did not succeed' },
  },
  {
    type: 'phase-finished',
    phase: 'build',
    time: at(9),
    ok: false,
    counts: { ...noCounts, built: 1, reused: 1, failed: 1, blocked: 1 },
    ms: 9_000,
  },
];
