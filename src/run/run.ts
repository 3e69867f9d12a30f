import pLimit from 'p-limit';
import { EngineUnavailable, TasksError } from '../model/errors.ts';
import type { Counts, Listener, RunOutcome } from '../model/events.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { ConnectedNode, Progress } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import type { Job } from '../schedule/job.ts';
import { planJobs } from '../schedule/plan-jobs.ts';
import {
  type JobResult,
  makeScheduler,
  type ScheduleDecision,
  type ScheduleEvent,
} from '../schedule/scheduler.ts';
import { phase, RunOutcomes } from './run-outcomes.ts';
import { plannedTasks } from './run-stream.ts';
import { runTask } from './run-task.ts';
import { makeRedactor } from './secrets.ts';
import type { Services } from './services.ts';
import { blockedFailure } from './task-failure.ts';

export interface RunOptions {
  readonly jobs: number;
  /** Additional limits per kind (`build`, `run`). */
  readonly limits?: Readonly<Record<string, number>>;
  readonly keepGoing: boolean;
  /** The names of the builder nodes that have the image of a task from earlier runs. */
  readonly imageNodes?: ReadonlyMap<TaskId, readonly string[]>;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** The tasks that started and failed, in order. */
  readonly failed: readonly TaskId[];
  /** The records of tasks after the run, for tasks that have one. */
  readonly results: ReadonlyMap<TaskId, TaskRecord>;
}

/** The number of concurrent requests that set tags. */
const maxTagRequests = 8;

/** Runs a plan, as the phase `build` of a run. Failures of tasks are reported by events and counts, not thrown. */
export async function runPlan(
  plan: Plan,
  observations: Observations,
  services: Services,
  options: RunOptions,
): Promise<RunResult> {
  const run = new Run(plan, observations, services, options);
  return await run.execute();
}

/** The state of one run. It executes the scheduler's decisions. */
class Run {
  readonly #plan: Plan;
  readonly #observations: Observations;
  readonly #services: Services;
  readonly #options: RunOptions;
  readonly #outcomes: RunOutcomes;
  /** The tasks whose builder node was lost, with the way to report that. */
  readonly #lost = new Map<TaskId, () => void>();
  /** The builder nodes that were lost. */
  readonly #lostNodes = new Set<string>();

  constructor(plan: Plan, observations: Observations, services: Services, options: RunOptions) {
    this.#plan = plan;
    this.#observations = observations;
    this.#services = services;
    this.#options = options;
    this.#outcomes = new RunOutcomes(plan, services, options.listen);
  }

  async execute(): Promise<RunResult> {
    const outcomes = this.#outcomes;
    const steps = [...this.#plan.steps.values()];
    const started = this.#services.clock.now().getTime();
    const { nodes = [] } = this.#services.registryMode ?? {};
    outcomes.emit({
      type: 'phase-started',
      phase,
      jobs: this.#options.jobs,
      tasks: plannedTasks(this.#plan),
      ...(nodes.length > 0 ? { nodes: nodes.map(({ name }) => name) } : {}),
    });
    await this.#finishExisting(steps);
    await this.#runJobs(planJobs(this.#plan));
    if (this.#options.signal.aborted) outcomes.outcome = 'interrupted';
    const { outcome, failed, results } = outcomes;
    const counts = { ...outcomes.counts };
    const ms = this.#services.clock.now().getTime() - started;
    outcomes.emit({ type: 'phase-finished', phase, ok: outcome === 'ok', counts, ms });
    return { outcome, counts, failed, results };
  }

  /** Finishes the steps that have nothing to build. Sets missing tags of reused tasks first, because builds may use them. */
  async #finishExisting(steps: readonly Step[]): Promise<void> {
    const outcomes = this.#outcomes;
    const limit = pLimit(maxTagRequests);
    const setTags = async (step: Step): Promise<void> => {
      if (step.record === undefined) return;
      try {
        for (const tag of step.newTags) await this.#services.engine!.tag(step.record.imageId!, tag);
        outcomes.finishReused(step);
      } catch (error) {
        outcomes.fail(step, error, 0, makeRedactor(step.task, this.#services));
      }
    };
    const reused = steps.filter(({ action }) => action === 'reuse' || action === 'retag');
    for (const step of reused) if (step.newTags.length === 0) outcomes.finishReused(step);
    await Promise.all(
      reused.filter((step) => step.newTags.length > 0).map((step) => limit(() => setTags(step))),
    );
    for (const step of steps) {
      if (step.action === 'skip') outcomes.finish(step, 'skipped', 0);
      if (step.action === 'blocked')
        outcomes.finish(step, 'blocked', 0, undefined, blockedFailure(step, this.#observations));
    }
  }

  async #runJobs(list: readonly Job[]): Promise<void> {
    const { jobs, limits = {}, keepGoing, signal, imageNodes: images } = this.#options;
    const nodes = this.#services.registryMode?.nodes;
    const scheduler = makeScheduler(list, {
      limit: jobs,
      limits,
      keepGoing,
      ...(nodes === undefined ? {} : { nodes }),
      ...(images === undefined ? {} : { images }),
    });
    const running = new Set<Promise<void>>();
    const apply = (event: ScheduleEvent): void => {
      const decision = scheduler.next(event);
      this.#finishUnstarted(decision);
      for (const id of decision.start) {
        const node = nodes?.find(({ name }) => name === scheduler.nodeOf(id));
        const execution = this.#execute(this.#plan.steps.get(id)!, node).then((result) => {
          running.delete(execution);
          apply(result === 'lost' ? { type: 'lost', id } : { type: 'ended', id, result });
        });
        running.add(execution);
      }
    };
    const cancel = (): void => apply({ type: 'cancel' });
    signal.addEventListener('abort', cancel, { once: true });
    // A task that is blocked from the start stops a run like one that fails.
    const isStopped = signal.aborted || (this.#outcomes.outcome === 'failed' && !keepGoing);
    apply(isStopped ? { type: 'cancel' } : { type: 'begin' });
    while (running.size > 0) await Promise.race(running);
    signal.removeEventListener('abort', cancel);
  }

  /** `lost`: the builder node is gone, and the scheduler decides whether another one tries. */
  async #execute(step: Step, node?: ConnectedNode): Promise<JobResult | 'lost'> {
    const outcomes = this.#outcomes;
    const services = this.#services;
    const { signal } = this.#options;
    const { id } = step.task;
    const started = services.clock.now().getTime();
    outcomes.start(step, node);
    const redact = makeRedactor(step.task, services);
    const ended = await runTask(
      {
        step,
        plan: this.#plan,
        observations: this.#observations,
        results: outcomes.results,
        services,
        progress: this.#progressOf(id, node),
        signal,
        node,
      },
      redact,
    );
    const ms = services.clock.now().getTime() - started;
    if (ended.result === 'done') {
      outcomes.results.set(id, ended.record);
      outcomes.finish(step, ended.outcome, ms, ended.record);
      return 'done';
    }
    if (signal.aborted) {
      outcomes.finish(step, 'cancelled', ms);
      return 'cancelled';
    }
    const { error } = ended;
    const fail = (): void => {
      outcomes.failed.push(id);
      outcomes.fail(step, error, ms, redact, ended);
    };
    if (node !== undefined && error instanceof EngineUnavailable) {
      this.#lost.set(id, fail);
      this.#reportLostNode(node, error);
      return 'lost';
    }
    fail();
    return 'failed';
  }

  #progressOf(id: TaskId, node: ConnectedNode | undefined): Progress {
    const place = node === undefined ? {} : { node: node.name };
    return {
      step: (at) => this.#outcomes.emit({ type: 'task-progress', phase, id, ...place, ...at }),
      line: (line) => this.#outcomes.emit({ type: 'task-output', phase, id, ...place, line }),
    };
  }

  #reportLostNode({ name }: ConnectedNode, { message }: EngineUnavailable): void {
    if (this.#lostNodes.has(name)) return;
    this.#lostNodes.add(name);
    this.#services.warn(`${message}; the node ${name} is left out, and its tasks start once more on others`);
  }

  #finishUnstarted(decision: ScheduleDecision): void {
    for (const id of decision.unplaced) {
      const fail = this.#lost.get(id);
      if (fail !== undefined) fail();
      else this.#failUnplaced(this.#plan.steps.get(id)!);
    }
    for (const { id, by } of decision.blocked) {
      this.#outcomes.finish(this.#plan.steps.get(id)!, 'blocked', 0, undefined, {
        message: `${by} did not succeed`,
      });
    }
    for (const id of decision.cancelled) this.#outcomes.finish(this.#plan.steps.get(id)!, 'cancelled', 0);
  }

  #failUnplaced(step: Step): void {
    const error = new TasksError(3, `no builder node is left for ${step.task.platform ?? step.task.id}`, {
      hint: 'check the nodes of the builder, and run again',
    });
    this.#outcomes.fail(step, error, 0, makeRedactor(step.task, this.#services));
  }
}
