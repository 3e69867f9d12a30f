import type { TasksError } from '../model/errors.ts';
import type { Counts, Listener, Outcome, RunOutcome } from '../model/events.ts';
import type { Action, Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { Results } from '../run/needs.ts';
import type { Services } from '../run/services.ts';
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
  /** The records of all that was built, pulled or found. */
  readonly results: Results;
  /** The digests of the tests that have passed, by task. */
  readonly passed: ReadonlyMap<TaskId, string>;
  /** Tasks that are left out, although they are selected: their failure is allowed. */
  readonly omitted: ReadonlySet<TaskId>;
  readonly wanted: TargetTags;
  readonly services: Services;
  /** For uploads, which take their time and stop at an interrupt. */
  readonly registry: Registry;
  /** For tags. */
  readonly context: PublishContext;
  /** True: everything is uploaded, no tag is set. */
  readonly uploadOnly: boolean;
  /** How many images are uploaded at once. */
  readonly slots?: number;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface PushResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** By task, but for those left out: the digest under which it is in the registry. */
  readonly digests: ReadonlyMap<TaskId, string>;
  readonly changes: readonly TagChange[];
  /** True: another machine was first with an image; the plan has to be made anew. */
  readonly isOvertaken: boolean;
  readonly error?: TasksError;
}

const outcomes: Partial<Record<Action, Outcome>> = { build: 'built', pull: 'pulled', retag: 'retagged' };

/**
 * Uploads all, then sets all tags or none: the phases `upload` and `publish` of a run. Failures are events, an outcome and an
 * error, never exceptions.
 */
export async function push(input: PushInput): Promise<PushResult> {
  const { plan, results, wanted, services, context, signal } = input;
  const roots = [...plan.steps.values()].filter(
    ({ task, selected }) => selected && task.kind === 'image' && !input.omitted.has(task.id),
  );
  const { slots = defaultUploadJobs } = input;
  const uploads = stepsToUpload(roots, plan.steps, results);
  const published = roots.filter(({ task }) => wanted.published.has(task.id));
  const upload = startPhase(
    'upload',
    new Map([
      ...published.map((step) => [step, 'reuse'] as const),
      ...uploads.map((step) => [step, 'upload'] as const),
    ]),
    slots,
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
      slots,
      signal,
      onStart: upload.start,
      onProgress: upload.progress,
      onDone: async (step, digest) => {
        const { id } = step.task;
        // What is left out may still be needed by something; it is not published.
        if (!input.omitted.has(id)) digests.set(id, digest);
        await services.records.put({ ...results.get(id)!, manifestDigest: digest }, step.manifest!);
        upload.finish(step, outcomes[step.action] ?? 'reused');
      },
    });
    await setPassTags(input.registry, plan, input.passed, digests);
    changes = input.uploadOnly ? [] : changesOf(wanted, digests);
    await bringOver(input, changes);
  } catch (thrown) {
    return { ...failed(thrown, upload, signal), digests, changes: [] };
  }
  for (const step of upload.unfinished()) upload.finish(step, 'reused');
  const counts = upload.end(true);
  if (input.uploadOnly) return { outcome: 'ok', counts, digests, changes, isOvertaken: false };
  const tagging = new Map(
    published.map((step) => [step, step.action === 'retag' ? 'retag' : 'reuse'] as const),
  );
  const events = startPhase('publish', tagging, 1, results, services.clock, input.listen);
  try {
    await publish(context, changes, signal);
    for (const step of published) {
      const tags = [...(wanted.published.get(step.task.id)?.keys() ?? [])];
      events.finish(step, outcomes[step.action] ?? 'reused', { tags });
    }
    return { outcome: 'ok', counts: events.end(true), digests, changes, isOvertaken: false };
  } catch (thrown) {
    // It says how the tags stand.
    const error = thrown as TasksError;
    const counts = events.end(false);
    return { outcome: outcomeOf(error), counts, digests, changes: [], isOvertaken: false, error };
  }
}

function failed(
  thrown: unknown,
  events: PhaseEvents,
  signal: AbortSignal,
): Pick<PushResult, 'outcome' | 'counts' | 'isOvertaken' | 'error'> {
  if (thrown instanceof UploadConflict)
    return { outcome: 'failed', counts: events.end(false), isOvertaken: true };
  const isUpload = thrown instanceof UploadFailed;
  if (isUpload && !signal.aborted) events.finish(thrown.step, 'failed', { error: thrown.message });
  const error = nothingPublished(isUpload ? thrown.cause : thrown, signal);
  return { outcome: outcomeOf(error), counts: events.end(false), isOvertaken: false, error };
}

function outcomeOf({ exitCode }: TasksError): RunOutcome {
  if (exitCode === 130) return 'interrupted';
  return exitCode === 3 ? 'not-ready' : 'failed';
}

/** The tags to change, and to what. */
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

/** Where content tags have a repository of their own, the images are brought over before any tag points at them. */
async function bringOver({ plan, registry }: PushInput, changes: readonly TagChange[]): Promise<void> {
  const wanted = new Map(
    changes.flatMap(({ task, name, after }) => {
      const from = repositoryOf(plan.steps.get(task)!.registryTag!);
      const to = repositoryOf(name);
      return from === to ? [] : [[`${to}@${after}`, { from: `${from}@${after}`, to }] as const];
    }),
  );
  await forEachLimit([...wanted.values()], ({ from, to }) => registry.copy(from, to));
}
