import pLimit from 'p-limit';
import { EngineUnavailable, fromSystemError, TasksError } from '../model/errors.ts';
import {
  type Counts,
  type EventBody,
  type Listener,
  type Outcome,
  type RunEvent,
  type RunOutcome,
  type TaskFailure,
  zeroCounts,
} from '../model/events.ts';
import { keepLastLines, type Output } from '../model/last-lines.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { ConnectedNode } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { needIds, type TaskId } from '../model/task.ts';
import { nameByDigest } from '../plan/refs.ts';
import type { Job } from '../schedule/job.ts';
import { planJobs } from '../schedule/plan-jobs.ts';
import {
  type JobResult,
  makeScheduler,
  type ScheduleDecision,
  type ScheduleEvent,
} from '../schedule/scheduler.ts';
import { executeStep } from './execute-step.ts';
import { withRetries } from './retry.ts';
import { plannedTasks } from './run-stream.ts';
import { makeRedactor, redactProgress } from './secrets.ts';
import type { Log, Services } from './services.ts';
import { blockedFailure, causeOf, describeFailure } from './task-failure.ts';

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

const phase = 'build';

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

/** The state of one run. It executes the scheduler's decisions and emits events. */
class Run {
  readonly #plan: Plan;
  readonly #observations: Observations;
  readonly #services: Services;
  readonly #options: RunOptions;
  readonly #results = new Map<TaskId, TaskRecord>();
  readonly #counts = zeroCounts();
  readonly #failed: TaskId[] = [];
  /** The tasks whose builder node was lost, with the way to report that. */
  readonly #lost = new Map<TaskId, () => void>();
  /** Where tasks have started. */
  readonly #nodes = new Map<TaskId, { readonly node?: string }>();
  /** The builder nodes that were lost. */
  readonly #lostNodes = new Set<string>();
  #outcome: RunOutcome = 'ok';
  #lastTime = { ms: Number.NaN, text: '' };

  constructor(plan: Plan, observations: Observations, services: Services, options: RunOptions) {
    this.#plan = plan;
    this.#observations = observations;
    this.#services = services;
    this.#options = options;
  }

  async execute(): Promise<RunResult> {
    const steps = [...this.#plan.steps.values()];
    const started = this.#services.clock.now().getTime();
    const { nodes = [] } = this.#services.registryMode ?? {};
    this.#emit({
      type: 'phase-started',
      phase,
      jobs: this.#options.jobs,
      tasks: plannedTasks(this.#plan),
      ...(nodes.length > 0 ? { nodes: nodes.map(({ name }) => name) } : {}),
    });
    await this.#finishExisting(steps);
    await this.#runJobs(planJobs(this.#plan));
    if (this.#options.signal.aborted) this.#outcome = 'interrupted';
    const ok = this.#outcome === 'ok';
    const counts = { ...this.#counts };
    const ms = this.#services.clock.now().getTime() - started;
    this.#emit({ type: 'phase-finished', phase, ok, counts, ms });
    return { outcome: this.#outcome, counts, failed: this.#failed, results: this.#results };
  }

  /** Finishes the steps that have nothing to build. Sets missing tags of reused tasks first, because builds may use them. */
  async #finishExisting(steps: readonly Step[]): Promise<void> {
    const limit = pLimit(maxTagRequests);
    const setTags = async (step: Step): Promise<void> => {
      if (step.record === undefined) return;
      try {
        for (const tag of step.newTags) await this.#services.engine!.tag(step.record.imageId!, tag);
        this.#finishReused(step);
      } catch (error) {
        this.#fail(step, error, 0, makeRedactor(step.task, this.#services));
      }
    };
    const reused = steps.filter(({ action }) => action === 'reuse' || action === 'retag');
    for (const step of reused) if (step.newTags.length === 0) this.#finishReused(step);
    await Promise.all(
      reused.filter((step) => step.newTags.length > 0).map((step) => limit(() => setTags(step))),
    );
    for (const step of steps) {
      if (step.action === 'skip') this.#finish(step, 'skipped', 0);
      if (step.action === 'blocked')
        this.#finish(step, 'blocked', 0, undefined, blockedFailure(step, this.#observations));
    }
  }

  #finishReused(step: Step): void {
    if (step.record === undefined) return;
    this.#results.set(step.task.id, step.record);
    this.#finish(step, 'reused', 0, step.record);
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
    const isStopped = signal.aborted || (this.#outcome === 'failed' && !keepGoing);
    apply(isStopped ? { type: 'cancel' } : { type: 'begin' });
    while (running.size > 0) await Promise.race(running);
    signal.removeEventListener('abort', cancel);
  }

  /** `lost`: the builder node is gone, and the scheduler decides whether another one tries. */
  async #execute(step: Step, node?: ConnectedNode): Promise<JobResult | 'lost'> {
    const { id } = step.task;
    const services = this.#services;
    const started = services.clock.now().getTime();
    const elapsed = (): number => services.clock.now().getTime() - started;
    const place = node === undefined ? {} : { node: node.name };
    this.#nodes.set(id, place);
    this.#emit({ type: 'task-started', phase, id, action: step.action, ...place });
    let log: Log | undefined;
    const lastLines = keepLastLines();
    const redact = makeRedactor(step.task, services);
    const progress = redactProgress(
      {
        step: (at) => this.#emit({ type: 'task-progress', phase, id, ...place, ...at }),
        line: (line, stream) => {
          log?.line(line);
          lastLines.add(line, stream);
          this.#emit({ type: 'task-output', phase, id, ...place, line });
        },
      },
      redact,
    );
    try {
      log = services.logs.open(id);
      const input = {
        step,
        plan: this.#plan,
        observations: this.#observations,
        results: this.#results,
        services,
        progress,
        node,
      };
      const { signal } = this.#options;
      const { record, outcome } = await withRetries(() => executeStep({ ...input, signal }), {
        retries: step.task.retries,
        clock: services.clock,
        signal,
        shouldRetry: (error) => causeOf(error, programOutput(step, lastLines.read())) === 'network',
        onRetry: (text) => {
          progress.line(text);
          progress.step({ text });
          lastLines.clear();
        },
      });
      this.#results.set(id, record);
      this.#finish(step, outcome, elapsed(), record);
      return 'done';
    } catch (error) {
      if (this.#options.signal.aborted) {
        this.#finish(step, 'cancelled', elapsed());
        return 'cancelled';
      }
      const ms = elapsed();
      const facts = { output: lastLines.read(), log: log?.path };
      const fail = (): void => {
        this.#failed.push(id);
        this.#fail(step, error, ms, redact, facts);
      };
      if (node !== undefined && error instanceof EngineUnavailable) {
        this.#lost.set(id, fail);
        this.#reportLostNode(node, error);
        return 'lost';
      }
      fail();
      return 'failed';
    } finally {
      log?.close();
    }
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
      this.#finish(this.#plan.steps.get(id)!, 'blocked', 0, undefined, { message: `${by} did not succeed` });
    }
    for (const id of decision.cancelled) this.#finish(this.#plan.steps.get(id)!, 'cancelled', 0);
  }

  #failUnplaced(step: Step): void {
    const error = new TasksError(3, `no builder node is left for ${step.task.platform ?? step.task.id}`, {
      hint: 'check the nodes of the builder, and run again',
    });
    this.#fail(step, error, 0, makeRedactor(step.task, this.#services));
  }

  #fail(
    step: Step,
    thrown: unknown,
    ms: number,
    redact: (text: string) => string,
    { output, log }: { readonly output?: Output; readonly log?: string | undefined } = {},
  ): void {
    const error = fromSystemError(thrown) ?? thrown;
    if (error instanceof TasksError && error.exitCode === 3) this.#outcome = 'not-ready';
    const failure = describeFailure(error, step.task, redact, programOutput(step, output));
    this.#finish(step, 'failed', ms, undefined, {
      ...(failure.lines === undefined ? output : {}),
      ...failure,
      ...(log === undefined ? {} : { log }),
    });
  }

  #finish(step: Step, outcome: Outcome, ms: number, record?: TaskRecord, error?: TaskFailure): void {
    this.#counts[outcome]++;
    const isFailure = outcome === 'failed' || outcome === 'blocked';
    if (isFailure && !step.task.allowFailure && !this.#isFailureAllowed(step) && this.#outcome === 'ok')
      this.#outcome = 'failed';
    this.#emit({
      type: 'task-finished',
      phase,
      id: step.task.id,
      ...this.#nodes.get(step.task.id),
      outcome,
      ms,
      ...(record?.imageId !== undefined ? { imageId: record.imageId } : {}),
      ...(record !== undefined ? { bytes: record.bytes, tags: this.#tagsOf(step, record) } : {}),
      ...(error !== undefined ? { error } : {}),
    });
  }

  /** The digest of what a node builds is not known before. */
  #tagsOf(step: Step, record: TaskRecord): readonly string[] {
    return this.#services.registryMode === undefined ? step.tags : imageNames(step, record);
  }

  /** Returns true for a task that is blocked by a task whose failure is allowed. */
  #isFailureAllowed(step: Step): boolean {
    const isBlocked = step.action === 'blocked';
    if (isBlocked && step.reasons.some(({ code }) => code !== 'need-blocked')) return false;
    return needIds(step.task).some((id) => {
      const need = this.#plan.steps.get(id);
      // What a task that was blocked from the start needs may not have been built yet.
      const hasFailed =
        need !== undefined && (isBlocked ? need.action === 'blocked' : !this.#results.has(id));
      return hasFailed && (need.task.allowFailure || this.#isFailureAllowed(need));
    });
  }

  #emit(body: EventBody): void {
    const now = this.#services.clock.now();
    // Format the time once per millisecond, because there can be thousands of events.
    if (now.getTime() !== this.#lastTime.ms) this.#lastTime = { ms: now.getTime(), text: now.toISOString() };
    this.#options.listen({ ...body, time: this.#lastTime.text } as RunEvent);
  }
}

/** Returns the names of an image that a registry alone has: those that the plan knows, or that with its digest. */
export function imageNames(
  { task, selected, tags, registryTag }: Step,
  { manifestDigest }: TaskRecord,
): readonly string[] {
  if (tags.length > 0 || !selected || !task.publish) return tags;
  if (registryTag === undefined || manifestDigest === undefined) return [];
  return [nameByDigest(registryTag, manifestDigest)];
}

/** Returns the lines of a command. What the engine writes about an image was not written by a program of the user. */
function programOutput({ action }: Step, output: Output | undefined): readonly string[] | undefined {
  return action === 'run' ? output?.lines : undefined;
}
