import { fromSystemError, TasksError } from '../model/errors.ts';
import {
  type EventBody,
  type Listener,
  type Outcome,
  type RunEvent,
  type RunOutcome,
  type TaskFailure,
  zeroCounts,
} from '../model/events.ts';
import type { Output } from '../model/last-lines.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { ConnectedNode } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { needIds, type TaskId } from '../model/task.ts';
import { nameByDigest } from '../plan/refs.ts';
import type { Services } from './services.ts';
import { describeFailure, programOutput } from './task-failure.ts';

/** The phase of a run in which its tasks are built. */
export const phase = 'build';

/** Reports how the tasks of a run start and end, and keeps the results. */
export class RunOutcomes {
  readonly counts = zeroCounts();
  /** The tasks that started and failed, in order. */
  readonly failed: TaskId[] = [];
  /** The records of tasks that have one by now. */
  readonly results = new Map<TaskId, TaskRecord>();
  outcome: RunOutcome = 'ok';
  readonly #plan: Plan;
  readonly #services: Services;
  readonly #listen: Listener;
  /** Where tasks have started. */
  readonly #nodes = new Map<TaskId, { readonly node?: string }>();
  #lastTime = { ms: Number.NaN, text: '' };

  constructor(plan: Plan, services: Services, listen: Listener) {
    this.#plan = plan;
    this.#services = services;
    this.#listen = listen;
  }

  emit(body: EventBody): void {
    const now = this.#services.clock.now();
    // Format the time once per millisecond, because there can be thousands of events.
    if (now.getTime() !== this.#lastTime.ms) this.#lastTime = { ms: now.getTime(), text: now.toISOString() };
    this.#listen({ ...body, time: this.#lastTime.text } as RunEvent);
  }

  start({ task: { id }, action }: Step, node: ConnectedNode | undefined): void {
    const place = node === undefined ? {} : { node: node.name };
    this.#nodes.set(id, place);
    this.emit({ type: 'task-started', phase, id, action, ...place });
  }

  finishReused(step: Step): void {
    if (step.record === undefined) return;
    this.results.set(step.task.id, step.record);
    this.finish(step, 'reused', 0, step.record);
  }

  finish(step: Step, outcome: Outcome, ms: number, record?: TaskRecord, error?: TaskFailure): void {
    this.counts[outcome]++;
    const isFailure = outcome === 'failed' || outcome === 'blocked';
    if (isFailure && !step.task.allowFailure && !this.#isFailureAllowed(step) && this.outcome === 'ok')
      this.outcome = 'failed';
    this.emit({
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

  /** `output` and `log`: those of a task that started. */
  fail(
    step: Step,
    thrown: unknown,
    ms: number,
    redact: (text: string) => string,
    { output, log }: { readonly output?: Output; readonly log?: string | undefined } = {},
  ): void {
    const error = fromSystemError(thrown) ?? thrown;
    if (error instanceof TasksError && error.exitCode === 3) this.outcome = 'not-ready';
    const failure = describeFailure(error, step.task, redact, programOutput(step, output));
    this.finish(step, 'failed', ms, undefined, {
      ...(failure.lines === undefined ? output : {}),
      ...failure,
      ...(log === undefined ? {} : { log }),
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
      const hasFailed = need !== undefined && (isBlocked ? need.action === 'blocked' : !this.results.has(id));
      return hasFailed && (need.task.allowFailure || this.#isFailureAllowed(need));
    });
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
