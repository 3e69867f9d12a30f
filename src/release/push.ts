import type { TasksError } from '../model/errors.ts';
import type { Counts, Listener, Outcome, RunOutcome } from '../model/events.ts';
import type { Action, Plan, Step } from '../model/plan.ts';
import type { Registry, RemoteImage } from '../model/registry.ts';
import { type TaskId, versionIdOf } from '../model/task.ts';
import type { Results } from '../run/needs.ts';
import type { Services } from '../run/services.ts';
import { describeFailure } from '../run/task-failure.ts';
import { findUnattached, unattachedError } from './attachments.ts';
import type { TagChange } from './journal.ts';
import { setPassTags } from './pass-tags.ts';
import { type PhaseEvents, startPhase } from './phase-events.ts';
import type { TargetTags } from './preflight.ts';
import { publish } from './publish.ts';
import type { PublishContext } from './publish-context.ts';
import { recheckNeeds } from './recheck.ts';
import { platformsIn, releasesOf, storeReleases, type VersionRelease } from './releases.ts';
import { nothingPublished } from './rollback.ts';
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
  /** True to publish no image without the attestations and annotations that its definition asks for. */
  readonly strict?: boolean;
  /** How many images are uploaded at once. */
  readonly jobs?: number;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface PushResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** What is published of each version, or would be. Empty if only uploads were asked for. */
  readonly releases: readonly VersionRelease[];
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
  const images = new Map<TaskId, RemoteImage>();
  for (const step of roots) if (step.remote !== undefined) images.set(step.task.id, step.remote);
  let changes: TagChange[];
  let releases: readonly VersionRelease[] = [];
  try {
    await uploadAll(uploads, {
      results,
      services,
      registry: input.registry,
      jobs,
      signal,
      onStart: upload.start,
      onProgress: upload.progress,
      onDone: async (step, image) => {
        const { id, maxAgeMs } = step.task;
        // An omitted image may be uploaded because another image needs it, but it is not published.
        if (!input.omitted.has(id)) images.set(id, image);
        const record = { ...results.get(id)!, manifestDigest: image.digest };
        await services.records.put(record, step.manifest!, maxAgeMs === undefined);
        upload.finish(step, outcomes[step.action] ?? 'reused');
      },
    });
    if (services.registryMode !== undefined) await recheckNeeds(roots, plan.steps, images, services);
    await setPassTags(
      input.registry,
      plan,
      input.passed,
      new Map([...images].map(([id, { digest }]) => [id, digest])),
    );
    if (!input.uploadOnly) await checkAttachments(published, images, input);
    releases = input.uploadOnly ? [] : releasesOf(targetTags, images, platformsIn(plan));
    changes = changesOf(targetTags, releases);
    await storeReleases(releases, changes, input);
  } catch (thrown) {
    return { ...uploadFailure(thrown, upload, signal), releases, changes: [] };
  }
  for (const step of upload.unfinished()) upload.finish(step, 'reused');
  const counts = upload.end(true);
  if (input.uploadOnly) return { outcome: 'ok', counts, releases, changes, needsNewPlan: false };
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
    return { outcome: 'ok', counts: events.end(true), releases, changes, needsNewPlan: false };
  } catch (thrown) {
    // `publish` throws only errors that say what state the tags are in.
    const error = thrown as TasksError;
    const counts = events.end(false);
    return { outcome: outcomeOf(error), counts, releases, changes: [], needsNewPlan: false, error };
  }
}

/** Says which images are published without what their definitions ask for. @throws TasksError with `strict`; RegistryError */
async function checkAttachments(
  published: readonly Step[],
  images: ReadonlyMap<TaskId, RemoteImage>,
  { registry, services, strict }: PushInput,
): Promise<void> {
  const lines = await findUnattached(published, images, registry);
  if (lines.length > 0 && strict) throw unattachedError(lines);
  for (const line of lines) services.warn(line);
}

function uploadFailure(
  thrown: unknown,
  events: PhaseEvents,
  signal: AbortSignal,
): Omit<PushResult, 'releases' | 'changes'> {
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
function changesOf({ published, aliases }: TargetTags, releases: readonly VersionRelease[]): TagChange[] {
  return releases.flatMap(({ leader, digest: after }) =>
    [...published.get(leader)!]
      .filter(([, before]) => before !== after)
      .map(([name, before]) => ({
        name,
        task: versionIdOf(leader),
        ...(before !== undefined ? { before } : {}),
        after,
        isAlias: aliases.has(name),
      })),
  );
}
