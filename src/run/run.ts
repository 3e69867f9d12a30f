import pLimit from 'p-limit';
import { fromSystemError, TasksError } from '../model/errors.ts';
import type { Counts, EventBody, Listener, Outcome, RunOutcome, TaskFailure } from '../model/events.ts';
import { OUTCOMES } from '../model/events.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { needIds, type TaskId } from '../model/task.ts';
import type { Job } from '../schedule/job.ts';
import { planJobs } from '../schedule/plan-jobs.ts';
import { makeScheduler, type ScheduleDecision, type ScheduleEvent } from '../schedule/scheduler.ts';
import { executeStep } from './execute-step.ts';
import { isNetworkFailure, withRetries } from './retry.ts';
import { plannedTasks } from './run-stream.ts';
import { makeRedactor, redactProgress } from './secrets.ts';
import type { Log, Services } from './services.ts';

export interface RunOptions {
  readonly jobs: number;
  /** How many of a kind (`build`, `run`) may run at once, where that is limited, too. */
  readonly limits?: Readonly<Record<string, number>>;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** Tasks that began and failed, in order. */
  readonly failed: readonly TaskId[];
  /** Every task's record after the run, where it has one. */
  readonly results: ReadonlyMap<TaskId, TaskRecord>;
}

const phase = 'build';

/** How many requests for tags go out at once. */
const tagRequests = 8;

/** Carries a plan out, as the phase `build` of a run. Failures of tasks are events and counts, never exceptions. */
export async function runPlan(
  plan: Plan,
  observations: Observations,
  services: Services,
  options: RunOptions,
): Promise<RunResult> {
  const run = new Run(plan, observations, services, options);
  return await run.go();
}

/** One run's moving parts: the schedule decides, this carries out and tells. */
class Run {
  readonly #plan: Plan;
  readonly #observations: Observations;
  readonly #services: Services;
  readonly #options: RunOptions;
  readonly #results = new Map<TaskId, TaskRecord>();
  readonly #counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  readonly #failed: TaskId[] = [];
  #outcome: RunOutcome = 'ok';
  #last = { ms: Number.NaN, text: '' };

  constructor(plan: Plan, observations: Observations, services: Services, options: RunOptions) {
    this.#plan = plan;
    this.#observations = observations;
    this.#services = services;
    this.#options = options;
  }

  async go(): Promise<RunResult> {
    const steps = [...this.#plan.steps.values()];
    const started = this.#services.clock.now().getTime();
    this.#tell({
      type: 'phase-started',
      phase,
      jobs: this.#options.jobs,
      tasks: plannedTasks(this.#plan),
    });
    await this.#settleWhatIsHere(steps);
    await this.#work(planJobs(this.#plan));
    if (this.#options.signal.aborted) this.#outcome = 'interrupted';
    const ok = this.#outcome === 'ok';
    const counts = { ...this.#counts };
    const ms = this.#services.clock.now().getTime() - started;
    this.#tell({ type: 'phase-finished', phase, ok, counts, ms });
    return { outcome: this.#outcome, counts, failed: this.#failed, results: this.#results };
  }

  /** Reused tasks get their missing tags before anything starts: what is built next may stand on them. */
  async #settleWhatIsHere(steps: readonly Step[]): Promise<void> {
    const limit = pLimit(tagRequests);
    const settle = async (step: Step): Promise<void> => {
      if (step.record === undefined) return;
      try {
        for (const tag of step.newTags) await this.#services.engine!.tag(step.record.imageId!, tag);
        this.#isHere(step);
      } catch (error) {
        this.#fail(step, error, 0, makeRedactor(step.task, this.#services));
      }
    };
    const settled = steps.filter(({ action }) => action === 'reuse' || action === 'retag');
    for (const step of settled) if (step.newTags.length === 0) this.#isHere(step);
    await Promise.all(
      settled.filter((step) => step.newTags.length > 0).map((step) => limit(() => settle(step))),
    );
    for (const step of steps) {
      if (step.action === 'skip') this.#finish(step, 'skipped', 0);
      if (step.action === 'blocked')
        this.#finish(step, 'blocked', 0, undefined, { message: step.reasons[0]?.detail ?? 'blocked' });
    }
  }

  #isHere(step: Step): void {
    if (step.record === undefined) return;
    this.#results.set(step.task.id, step.record);
    this.#finish(step, 'reused', 0, step.record);
  }

  async #work(work: readonly Job[]): Promise<void> {
    const { jobs, limits = {}, keepGoing, signal } = this.#options;
    const scheduler = makeScheduler(work, { limit: jobs, limits, keepGoing });
    const running = new Set<Promise<void>>();
    const apply = (event: ScheduleEvent): void => {
      const orders = scheduler.next(event);
      this.#tellLost(orders);
      for (const id of orders.start) {
        const carried = this.#carryOut(this.#plan.steps.get(id)!).then((result) => {
          running.delete(carried);
          apply({ type: 'ended', id, result });
        });
        running.add(carried);
      }
    };
    const cancel = (): void => apply({ type: 'cancel' });
    signal.addEventListener('abort', cancel, { once: true });
    apply(signal.aborted ? { type: 'cancel' } : { type: 'begin' });
    while (running.size > 0) await Promise.race(running);
    signal.removeEventListener('abort', cancel);
  }

  async #carryOut(step: Step): Promise<'done' | 'failed' | 'cancelled'> {
    const { id } = step.task;
    const services = this.#services;
    const started = services.clock.now().getTime();
    const elapsed = (): number => services.clock.now().getTime() - started;
    this.#tell({ type: 'task-started', phase, id, action: step.action });
    let log: Log | undefined;
    const last: string[] = [];
    const redact = makeRedactor(step.task, services);
    const progress = redactProgress(
      {
        step: (at) => this.#tell({ type: 'task-progress', phase, id, ...at }),
        line: (line) => {
          log?.line(line);
          last.push(line);
          if (last.length > 20) last.shift();
          this.#tell({ type: 'task-output', phase, id, line });
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
      };
      const { signal } = this.#options;
      const { record, outcome } = await withRetries(() => executeStep({ ...input, signal }), {
        retries: step.task.retries,
        clock: services.clock,
        signal,
        shouldRetry: (error) => isNetworkFailure(error, last),
        onRetry: (text) => {
          progress.line(text);
          progress.step({ text });
          last.length = 0;
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
      this.#failed.push(id);
      this.#fail(step, error, elapsed(), redact, { lines: last, ...(log ? { log: log.path } : {}) });
      return 'failed';
    } finally {
      log?.close();
    }
  }

  #tellLost(orders: ScheduleDecision): void {
    for (const { id, by } of orders.blocked) {
      this.#finish(this.#plan.steps.get(id)!, 'blocked', 0, undefined, { message: `${by} did not succeed` });
    }
    for (const id of orders.cancelled) this.#finish(this.#plan.steps.get(id)!, 'cancelled', 0);
  }

  #fail(
    step: Step,
    thrown: unknown,
    ms: number,
    redact: (text: string) => string,
    output: Pick<TaskFailure, 'lines' | 'log'> = {},
  ): void {
    const error = fromSystemError(thrown) ?? thrown;
    const message = error instanceof Error ? error.message : String(error);
    const hint = error instanceof TasksError && error.hint !== undefined ? `\n${error.hint}` : '';
    const where = error instanceof StepFailed && error.step !== undefined ? { step: redact(error.step) } : {};
    if (error instanceof TasksError && error.exitCode === 3) this.#outcome = 'not-ready';
    this.#finish(step, 'failed', ms, undefined, { message: redact(message + hint), ...where, ...output });
  }

  #finish(step: Step, outcome: Outcome, ms: number, record?: TaskRecord, error?: TaskFailure): void {
    this.#counts[outcome]++;
    const isBad = outcome === 'failed' || outcome === 'blocked';
    if (isBad && !step.task.allowFailure && !this.#isTolerated(step) && this.#outcome === 'ok')
      this.#outcome = 'failed';
    this.#tell({
      type: 'task-finished',
      phase,
      id: step.task.id,
      outcome,
      ms,
      ...(record?.imageId !== undefined ? { imageId: record.imageId } : {}),
      ...(record !== undefined ? { bytes: record.bytes, tags: step.tags } : {}),
      ...(error !== undefined ? { error } : {}),
    });
  }

  /** A task that is only blocked by one whose failure is allowed does not fail the run either. */
  #isTolerated(step: Step): boolean {
    return needIds(step.task).some((id) => {
      const need = this.#plan.steps.get(id);
      const lost = need !== undefined && !this.#results.has(id);
      return lost && (need.task.allowFailure || this.#isTolerated(need));
    });
  }

  #tell(body: EventBody): void {
    const now = this.#services.clock.now();
    // Thousands are told in the same millisecond.
    if (now.getTime() !== this.#last.ms) this.#last = { ms: now.getTime(), text: now.toISOString() };
    this.#options.listen({ ...body, time: this.#last.text } as Parameters<Listener>[0]);
  }
}
