import type { Outcome, PlannedTask, RunEvent, TaskFailure } from '../../src/model/events.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import { makeLiveView } from '../../src/report/live-view.ts';
import { makePaint } from '../../src/report/paint.ts';
import { planText } from '../../src/report/plan.ts';
import { at, noCounts } from './report-events.ts';

const reader = { folder: '/citus', pasteable: (text: string): string => text };
const paint = makePaint(true);
const columns = 100;

const prompt = (command: string, lines: readonly string[]): string => [`$ ${command}`, ...lines].join('\n');

function started(jobs: number, tasks: readonly PlannedTask[]): RunEvent {
  return { type: 'phase-started', time: at(0), phase: 'build', jobs, tasks };
}

function begins(id: string, second: number): RunEvent {
  return { type: 'task-started', phase: 'build', time: at(second), id, action: 'build' };
}

function ends(id: string, second: number, ms: number, outcome: Outcome, more: object = {}): RunEvent {
  return { type: 'task-finished', phase: 'build', time: at(second), id, outcome, ms, ...more };
}

const toBuild = (id: string, needs: readonly string[], expectedMs: number): PlannedTask => ({
  id,
  action: 'build',
  needs,
  expectedMs,
});

/** A step of exttester that fails as `./configure` does. */
const configureFailure = (version: string): TaskFailure => ({
  message: 'exit code: 1',
  step: '[4/6] RUN build-citus',
  instruction: 'RUN',
  file: 'images/exttester/Dockerfile',
  line: 21,
  endLine: 22,
  excerpt: [
    'RUN --mount=type=bind,source=build-citus,target=/build-citus \\',
    '    /build-citus "${CITUS_VERSION}"',
  ],
  exitCode: 1,
  lines: [
    `checking for pg_config... /usr/lib/postgresql/${version.split('.')[0]}/bin/pg_config`,
    'checking for LZ4_compress_default in -llz4... no',
    'configure: error: lz4 library not found',
  ],
  stderr: ['configure: error: lz4 library not found'],
  log: `/citus/.cache/logs/exttester@${version}/2026-11-28T14-05-21.118Z.log`,
});

/** The screen after a build of one version failed. */
export function failedRun(): string {
  const view = makeLiveView(paint, 'list', reader);
  for (const event of [
    started(2, [
      { id: 'postgres:17.9', action: 'reuse', needs: [], expectedMs: 59_000 },
      toBuild('extbuilder:17.9', ['postgres:17.9'], 14_000),
      toBuild('exttester:17.9', ['extbuilder:17.9'], 70_000),
      toBuild('pgupgradetester:17.9', ['exttester:17.9'], 20_000),
    ]),
    begins('extbuilder:17.9', 0),
    ends('extbuilder:17.9', 14, 14_200, 'built', { bytes: 1_900_000_000 }),
    begins('exttester:17.9', 14),
    ends('exttester:17.9', 52, 38_000, 'failed', { error: configureFailure('17.9') }),
    ends('pgupgradetester:17.9', 52, 0, 'blocked', { error: { message: `exttester:17.9 did not succeed` } }),
    finished(52, { built: 1, reused: 1, failed: 1, blocked: 1 }),
  ])
    view.apply(event);
  return prompt('tasks build exttester:17+', view.finalLines(columns));
}

function finished(second: number, counts: Partial<typeof noCounts>): RunEvent {
  return {
    type: 'phase-finished',
    phase: 'build',
    time: at(second),
    ok: false,
    counts: { ...noCounts, ...counts },
    ms: second * 1000,
  };
}

/** The screen after three versions failed in the same way and one in another. */
export function groupedFailures(): string {
  const view = makeLiveView(paint, 'list', reader);
  const versions = ['15.17', '16.13', '17.9'];
  const missing: TaskFailure = {
    message: '"/requirements.txt" not found\nexists as images/failtester/requirements-dev.txt',
    step: '[2/4] COPY requirements.txt /',
    instruction: 'COPY',
    cause: 'missing-file',
    file: 'images/failtester/Dockerfile',
    line: 9,
    endLine: 9,
    excerpt: ['COPY requirements.txt /'],
    log: '/citus/.cache/logs/failtester@17.9/2026-11-28T14-05-20.907Z.log',
  };
  for (const event of [
    started(4, [
      ...versions.map((version) => toBuild(`exttester:${version}`, [], 70_000)),
      toBuild('failtester:17.9', [], 30_000),
    ]),
    ...versions.map((version) => begins(`exttester:${version}`, 0)),
    begins('failtester:17.9', 0),
    ends('failtester:17.9', 3, 2_900, 'failed', { error: missing }),
    ...versions.map((version, index) =>
      ends(`exttester:${version}`, 38 + index, 38_000 + index * 1000, 'failed', {
        error: configureFailure(version),
      }),
    ),
    finished(41, { failed: 4 }),
  ])
    view.apply(event);
  return prompt('tasks build -k', view.finalLines(columns));
}

/** The screen of a run with a long step, a download, and tasks that wait. */
export function runningBuild(): string {
  const view = makeLiveView(paint, 'list', reader);
  const progress = (
    id: string,
    second: number,
    step: number,
    steps: number,
    text: string,
    more: object,
  ): RunEvent => ({
    type: 'task-progress',
    phase: 'build',
    time: at(second),
    id,
    step,
    steps,
    text,
    ...more,
  });
  for (const event of [
    started(3, [
      ...['base:bookworm', 'base:trixie'].map(
        (id): PlannedTask => ({ id, action: 'reuse', needs: [], expectedMs: 20_000 }),
      ),
      toBuild('postgres:15.17', [], 45_000),
      toBuild('postgres:17.9', [], 59_000),
      toBuild('extbuilder:15.17', ['postgres:15.17'], 14_000),
      toBuild('failtester:17.9', [], 20_000),
      toBuild('extbuilder:17.9', ['postgres:17.9'], 14_000),
    ]),
    begins('postgres:15.17', 0),
    begins('postgres:17.9', 0),
    begins('failtester:17.9', 36),
    progress('failtester:17.9', 37, 1, 4, 'FROM python:3.13', { bytes: 41_200_000, totalBytes: 118_000_000 }),
    ends('postgres:15.17', 42, 42_000, 'built', { bytes: 1_400_000_000 }),
    begins('extbuilder:15.17', 42),
    progress('postgres:17.9', 12, 2, 2, 'RUN install-postgres', { prefix: '#7 ' }),
    {
      type: 'task-output',
      phase: 'build',
      time: at(47),
      id: 'postgres:17.9',
      line: '#7 Setting up postgresql-17 (17.9-1) ...',
    },
    progress('extbuilder:15.17', 44, 2, 3, 'RUN install-build-deps', {}),
  ] satisfies RunEvent[])
    view.apply(event);
  return prompt('tasks build', view.lines(Date.parse(at(48)), { rows: 20, columns, spinner: '⠹' }));
}

/** The text of a plan in which a task cannot be built. `graph`: tasks of this project. */
export function blockedPlan(steps: readonly Step[]): string {
  const plan: Plan = { steps: new Map(steps.map((step) => [step.task.id, step])) };
  return prompt(
    'tasks plan exttester:17+',
    planText(plan, paint, { verbose: false, columns, outlook: undefined }),
  );
}
