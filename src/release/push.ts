import type { TasksError } from '../model/errors.ts';
import type { Counts, Listener, Outcome, RunOutcome } from '../model/events.ts';
import type { Action, Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { Results } from '../run/needs.ts';
import type { Services } from '../run/services.ts';
import { describeFailure } from '../run/task-failure.ts';
import type { TagChange } from './journal.ts';
import { setPassTags } from './pass-tags.ts';
import { type PhaseEvents, startPhase } from './phase-events.ts';
import type { TargetTags } from './preflight.ts';
import { publish } from './publish.ts';
import type { PublishContext } from './publish-context.ts';
import { nothingPublished } from './rollback.ts';
import { forEachLimit } from './tags.ts';
import { defaultUploadJobs, stepsToUpload, UploadConflict, UploadFailed, uploadAll } from './upload.ts';

export interface PushInput {
  readonly plan: Plan;
  /** The records of all tasks whose results exist. */
  readonly results: Results;
  /** The digests of the tests that passed, by task. */
  readonly passed: ReadonlyMap<TaskId, string>;
  /** Selected tasks that are left out, because they failed and `allowFailure` is set. */
  readonly omitted: ReadonlySet<TaskId>;
  readonly targetTags: TargetTags;
  readonly services: Services;
  /** For uploads: requests have long timeouts and stop at an interrupt. */
  readonly registry: Registry;
  /** For setting tags. */
  readonly context: PublishContext;
  /** True to upload everything and set no tag. */
  readonly uploadOnly: boolean;
  /** How many images are uploaded at once. */
  readonly jobs?: number;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface PushResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** The digest of each task's image in the registry, except for omitted tasks. */
  readonly digests: ReadonlyMap<TaskId, string>;
  readonly changes: readonly TagChange[];
  /** True if another machine pushed one of the images first, so that a new plan is needed. */
  readonly needsNewPlan: boolean;
  readonly error?: TasksError;
}

const outcomes: Partial<Record<Action, Outcome>> = { build: 'built', pull: 'pulled', retag: 'retagged' };

/**
 * Uploads all images, then sets all tags or none: the phases `upload` and `publish` of a run. Returns failures as events, an
 * outcome and an error; never throws.
 */
export async function push(input: PushInput): Promise<PushResult> {
  const { plan, results, targetTags, services, context, signal } = input;
  const roots = [...plan.steps.values()].filter(
    ({ task, selected }) => selected && task.kind === 'image' && !input.omitted.has(task.id),
  );
  const { jobs = defaultUploadJobs } = input;
  const uploads = stepsToUpload(roots, plan.steps, results);
  const published = roots.filter(({ task }) => targetTags.published.has(task.id));
  const upload = startPhase(
    'upload',
    new Map([
      ...published.map((step) => [step, 'reuse'] as const),
      ...uploads.map((step) => [step, 'upload'] as const),
    ]),
    jobs,
    results,
    services.clock,
    input.listen,
  );
  const digests = new Map<TaskId, string>();
  for (const step of roots) if (step.remote !== undefined) digests.set(step.task.id, step.remote.digest);
  let changes: TagChange[];
  try {
    await uploadAll(uploads, {
      results,
      services,
      registry: input.registry,
      jobs,
      signal,
      onStart: upload.start,
      onProgress: upload.progress,
      onDone: async (step, digest) => {
        const { id } = step.task;
        // An omitted image may be uploaded because another image needs it, but it is not published.
        if (!input.omitted.has(id)) digests.set(id, digest);
        await services.records.put({ ...results.get(id)!, manifestDigest: digest }, step.manifest!);
        upload.finish(step, outcomes[step.action] ?? 'reused');
      },
    });
    await setPassTags(input.registry, plan, input.passed, digests);
    changes = input.uploadOnly ? [] : changesOf(targetTags, digests);
    await copyImages(input, changes);
  } catch (thrown) {
    return { ...uploadFailure(thrown, upload, signal), digests, changes: [] };
  }
  for (const step of upload.unfinished()) upload.finish(step, 'reused');
  const counts = upload.end(true);
  if (input.uploadOnly) return { outcome: 'ok', counts, digests, changes, needsNewPlan: false };
  const tagging = new Map(
    published.map((step) => [step, step.action === 'retag' ? 'retag' : 'reuse'] as const),
  );
  const events = startPhase('publish', tagging, 1, results, services.clock, input.listen);
  try {
    await publish(context, changes, signal);
    for (const step of published) {
      const tags = [...(targetTags.published.get(step.task.id)?.keys() ?? [])];
      events.finish(step, outcomes[step.action] ?? 'reused', { tags });
    }
    return { outcome: 'ok', counts: events.end(true), digests, changes, needsNewPlan: false };
  } catch (thrown) {
    // `publish` throws only errors that say what state the tags are in.
    const error = thrown as TasksError;
    const counts = events.end(false);
    return { outcome: outcomeOf(error), counts, digests, changes: [], needsNewPlan: false, error };
  }
}

function uploadFailure(
  thrown: unknown,
  events: PhaseEvents,
  signal: AbortSignal,
): Omit<PushResult, 'digests' | 'changes'> {
  if (thrown instanceof UploadConflict)
    return { outcome: 'failed', counts: events.end(false), needsNewPlan: true };
  const isUpload = thrown instanceof UploadFailed;
  if (isUpload && !signal.aborted) {
    const { step, cause, message } = thrown;
    // The hint is in the error of the push.
    const error = { ...describeFailure(cause, step.task, (text) => text), message };
    events.finish(step, 'failed', { error });
  }
  const error = nothingPublished(isUpload ? thrown.cause : thrown, signal);
  return { outcome: outcomeOf(error), counts: events.end(false), needsNewPlan: false, error };
}

function outcomeOf({ exitCode }: TasksError): RunOutcome {
  if (exitCode === 130) return 'interrupted';
  return exitCode === 3 ? 'not-ready' : 'failed';
}

/** Returns the tags that have to change. */
function changesOf({ published, aliases }: TargetTags, digests: ReadonlyMap<TaskId, string>): TagChange[] {
  return [...published].flatMap(([task, tags]) => {
    const after = digests.get(task);
    if (after === undefined) return [];
    return [...tags]
      .filter(([, before]) => before !== after)
      .map(([name, before]) => ({
        name,
        task,
        ...(before !== undefined ? { before } : {}),
        after,
        isAlias: aliases.has(name),
      }));
  });
}

/** Copies the images from the cache repository, if there is one, to the repositories that they are published in. */
async function copyImages({ plan, registry }: PushInput, changes: readonly TagChange[]): Promise<void> {
  const copies = new Map(
    changes.flatMap(({ task, name, after }) => {
      const from = repositoryOf(plan.steps.get(task)!.registryTag!);
      const to = repositoryOf(name);
      return from === to ? [] : [[`${to}@${after}`, { from: `${from}@${after}`, to }] as const];
    }),
  );
  await forEachLimit([...copies.values()], ({ from, to }) => registry.copy(from, to));
}
