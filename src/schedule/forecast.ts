import type { BuilderNode } from '../model/builder-node.ts';
import type { TaskId } from '../model/task.ts';
import { type Job, pathLengths, type ScheduleRules } from './job.ts';
import { eligibleNodes } from './placement.ts';
import { makeScheduler, type ScheduleEvent } from './scheduler.ts';

/** How long jobs take and how they end in a simulated run. */
export interface Simulation extends ScheduleRules {
  /** How long a job takes, in milliseconds, on its builder node if it has one. It is asked once each time that the job starts. */
  duration(job: Job, node: string | undefined): number;
  /** How the job ends. `lost`: its builder node is lost then. */
  result(job: Job, node: string | undefined): 'done' | 'failed' | 'lost';
}

/** When and where a job ran, in milliseconds from the start of the run. */
export interface SimulatedJob {
  readonly startMs: number;
  readonly endMs: number;
  readonly node?: string;
}

export interface SimulatedRun {
  /** The jobs that ran, in the order of their starts; of one that ran twice, the last time. Others were blocked or canceled. */
  readonly ran: ReadonlyMap<TaskId, SimulatedJob>;
  /** When the last job ended. */
  readonly lengthMs: number;
}

/** Simulates a run: drives the scheduler with a simulated clock. */
export function simulate(jobs: readonly Job[], simulation: Simulation): SimulatedRun {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const ran = new Map<TaskId, SimulatedJob>();
  const running: TaskId[] = [];
  const scheduler = makeScheduler(jobs, simulation);
  let now = 0;
  let event: ScheduleEvent = { type: 'begin' };
  for (;;) {
    for (const id of scheduler.next(event).start) {
      const node = scheduler.nodeOf(id);
      const endMs = now + simulation.duration(byId.get(id)!, node);
      ran.delete(id);
      ran.set(id, { startMs: now, endMs, ...(node === undefined ? {} : { node }) });
      running.push(id);
    }
    if (running.length === 0) return { ran, lengthMs: now };
    const next = running.reduce((first, id) => (ran.get(id)!.endMs < ran.get(first)!.endMs ? id : first));
    running.splice(running.indexOf(next), 1);
    now = ran.get(next)!.endMs;
    const result = simulation.result(byId.get(next)!, ran.get(next)!.node);
    event = result === 'lost' ? { type: 'lost', id: next } : { type: 'ended', id: next, result };
  }
}

/** The expected duration of a run, if each job takes its weight, and a lower bound for any order of jobs; in milliseconds. */
export interface Forecast {
  readonly expectedMs: number;
  /** The longest path, or the total work (of all jobs or of one kind) divided by the number of jobs that may run at once. */
  readonly boundMs: number;
}

/** Returns the forecast of a run in which every job succeeds. */
export function forecast(jobs: readonly Job[], rules: Omit<ScheduleRules, 'keepGoing'>): Forecast {
  const { lengthMs } = simulate(jobs, {
    ...rules,
    keepGoing: false,
    duration: ({ weight }) => weight,
    result: () => 'done',
  });
  let longest = 0;
  for (const length of pathLengths(jobs).values()) longest = Math.max(longest, length);
  const byKind = Object.entries(rules.limits ?? {}).map(([kind, limit]) =>
    spread(
      jobs.filter((job) => job.kind === kind),
      limit,
    ),
  );
  return { expectedMs: lengthMs, boundMs: Math.max(longest, ...byKind, ...spreadByPlace(jobs, rules)) };
}

/** Returns the work divided by the jobs that may do it at once: of this machine, of all nodes, and of the nodes for each platform. */
function spreadByPlace(
  jobs: readonly Job[],
  { limit, nodes }: Pick<ScheduleRules, 'limit' | 'nodes'>,
): number[] {
  if (nodes === undefined) return [spread(jobs, limit)];
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    const name = job.platform === undefined ? '' : `${job.platform} ${job.buildPlatform}`;
    groups.set(name, [...(groups.get(name) ?? []), job]);
  }
  const jobsOf = (some: readonly BuilderNode[]): number => some.reduce((sum, node) => sum + node.jobs, 0);
  const onNodes = jobs.filter(({ platform }) => platform !== undefined);
  const byGroup = [...groups.values()].map((group) => {
    const [first] = group;
    return spread(group, first!.platform === undefined ? limit : jobsOf(eligibleNodes(nodes, first!)));
  });
  return [spread(onNodes, jobsOf(nodes)), ...byGroup];
}

function spread(jobs: readonly Job[], limit: number): number {
  return limit === 0 ? 0 : jobs.reduce((sum, { weight }) => sum + weight, 0) / limit;
}
