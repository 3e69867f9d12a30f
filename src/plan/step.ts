import type { TaskKey } from '../key/compute-keys.ts';
import { maxAgeLine } from '../key/manifest.ts';
import type { Action, Reason, Step } from '../model/plan.ts';
import type { Manifest, TaskRecord } from '../model/record.ts';
import { makesFiles, type Task, versionIdOf } from '../model/task.ts';
import type { ExistingResult } from './existing.ts';
import type { PlanInput, PushTags } from './input.ts';
import { platformTasks, publishedDigest } from './published-digest.ts';
import { inputNotes, notApplied } from './reasons.ts';
import { contentTag, familiarName, filterRunTags, nameByDigest, registryTag, runTags } from './refs.ts';
import { isNeeded, type TaskStatus, type TaskStatuses } from './status.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Returns the step of one task, given the final statuses of all tasks. */
export function makeStep(status: TaskStatus, statuses: TaskStatuses, input: PlanInput): Step {
  const { task, found, blocked, buildReasons } = status;
  const step = initialStep(status, input);
  if (blocked !== undefined) {
    step.action = 'blocked';
    step.reasons = blocked;
  } else if (buildReasons.length > 0) {
    step.action = task.kind === 'command' ? 'run' : 'build';
    step.reasons = [...buildReasons, ...inputNotes(task, input), ...notApplied(task, input)];
    if (found !== undefined) step.outdatedRecord = found.record;
    if (step.selected && !input.registryOnly) step.tags = step.newTags = runTags(task, input.naming);
  } else if (found === undefined) step.reasons = [{ code: 'not-needed', detail: notNeeded }];
  else useResult(step, found, actionFor(status, found, statuses, input), status, statuses, input);
  return step;
}

/** Returns a step without its action. No spreads here: they would dominate the cost of a plan in which all is up to date. */
function initialStep({ task, found, buildReasons }: TaskStatus, input: PlanInput): Writable<Step> {
  const keyed = input.keyed.get(task.id);
  const inRegistry = input.existing.remote.get(task.id);
  const step: Writable<Step> = {
    task,
    action: 'skip',
    reasons: [],
    selected: input.selected.has(task.id),
    key: keyed?.key ?? '',
    tags: none,
    newTags: none,
    forced: input.forced.has(task.id),
    noCache: input.forced.has(task.id) || isNewPeriod(task, keyed, input),
  };
  const latest = input.latest.get(task.id)?.record;
  // Zero means unknown: the result was built elsewhere.
  if (task.maxAgeMs !== undefined && latest?.node !== undefined) step.cacheNode = latest.node;
  if (latest?.durationMs) step.expectedMs = latest.durationMs;
  // The record of another version tells how long a build may take, but not how large it was.
  if (latest?.bytes && latest.task === task.id) step.previousBytes = latest.bytes;
  if (keyed?.manifest !== undefined) step.manifest = keyed.manifest;
  if (keyed !== undefined && !makesFiles(task)) {
    step.contentTag = contentTag(task, keyed.key);
    step.registryTag = registryTag(task, keyed.key, input.naming);
  }
  if (inRegistry !== undefined && (buildReasons.length > 0 || found?.remote === undefined))
    step.replacesDigest = inRegistry.image.digest;
  return step;
}

const none: readonly string[] = [];

/** Completes the step of a task whose existing result is used. */
function useResult(
  step: Writable<Step>,
  found: ExistingResult,
  { action, reason }: { action: Action; reason: Reason },
  status: TaskStatus,
  statuses: TaskStatuses,
  input: PlanInput,
): void {
  step.action = action;
  step.reasons = [reason];
  if (action === 'skip') return;
  step.record = found.record;
  if (found.remote !== undefined) {
    step.remote = found.remote.image;
    step.testPassed = found.remote.passed;
  }
  step.reasons = [reason, ...inputNotes(step.task, input)];
  const { tags, newTags } = tagsOf(step, found, isNeeded(status, statuses, input), input);
  step.tags = tags;
  step.newTags = newTags;
}

const notNeeded = 'no step needs it';

/** Returns the action and reason for a task whose existing result is used. */
function actionFor(
  status: TaskStatus,
  found: ExistingResult,
  statuses: TaskStatuses,
  input: PlanInput,
): { action: Action; reason: Reason } {
  const { task } = status;
  if (found.remote === undefined)
    return { action: 'reuse', reason: { code: 'up-to-date', detail: 'no inputs changed' } };
  const remote = (action: Action, detail: string): { action: Action; reason: Reason } => ({
    action,
    reason: { code: 'in-registry', detail },
  });
  const isSelected = input.selected.has(task.id);
  if (found.image === undefined && !input.registryOnly) {
    if (isNeeded(status, statuses, input))
      return remote('pull', 'the registry has it, and a build needs it here');
    const isTested = input.tested.has(task.id) && (input.retest || !found.remote.passed);
    if (isTested) return remote('pull', 'the registry has it, and its test will run');
  }
  const tags = input.pushTags?.get(task.id);
  if (tags !== undefined && lacksTags(task, tags, statuses, input))
    return remote('retag', 'the registry has it, but tags are missing there');
  const isUsed = input.registryOnly && isNeeded(status, statuses, input);
  if (found.image === undefined && !isSelected && !isUsed)
    return remote('skip', `the registry has it, and ${notNeeded} here`);
  return remote('reuse', 'the registry has it');
}

/** Returns true if a tag of the task's version points to something else than what the push publishes. */
function lacksTags(task: Task, tags: PushTags, statuses: TaskStatuses, { graph }: PlanInput): boolean {
  if (tags.size === 0) return false;
  const digest = publishedDigest(platformTasks(graph, task), (id) => {
    const status = statuses.get(id);
    return status?.buildReasons.length === 0 ? status.found?.remote?.image : undefined;
  });
  return [...tags.values()].some((now) => now !== digest);
}

/** Returns the tags of an existing result. A suffix with a time never adds tags to an unchanged image; other suffixes do. */
function tagsOf(
  { task, action, selected, contentTag: content, registryTag: remote }: Step,
  found: ExistingResult,
  isNeededHere: boolean,
  { naming, pushTags, registryOnly }: PlanInput,
): Pick<Step, 'tags' | 'newTags'> {
  if (content === undefined) return { tags: none, newTags: none };
  if (registryOnly)
    return {
      tags: selected && task.publish ? publishedNames(task, remote!, found, pushTags) : none,
      newTags: none,
    };
  const present = found.image?.tags.map(familiarName) ?? none;
  const lacks = (tag: string): boolean => !present.includes(familiarName(tag));
  const newContent = isNeededHere && lacks(content) ? [content] : none;
  if (!selected || !task.publish) return { tags: none, newTags: newContent };
  if (pushTags !== undefined)
    return { tags: [...(pushTags.get(task.id)?.keys() ?? [])], newTags: newContent };
  if (task.isSecondary) return { tags: none, newTags: newContent };
  // An image that is not here can be used by its tag in the registry.
  if (found.image === undefined) return { tags: [remote!], newTags: action === 'pull' ? [remote!] : none };
  if (!naming.timed) {
    const tags = runTags(task, naming);
    return { tags, newTags: [...newContent, ...tags.filter(lacks)] };
  }
  const isOwn = (tag: string): boolean => tag.startsWith(`${naming.repo}/`) || tag === remote;
  const recorded = found.record.tags.filter((tag) => !lacks(tag) && isOwn(tag));
  const own = recorded.length > 0 ? recorded : filterRunTags(found.image.tags, task, naming);
  if (own.length > 0) return { tags: own, newTags: newContent };
  // A push sets this tag, and so did older versions instead of the content tag.
  if (!lacks(remote!)) return { tags: [remote!], newTags: newContent };
  return { tags: [content], newTags: lacks(content) ? [content] : none };
}

/** Returns the names of an image that a registry alone has: those that a push sets, or that with its digest. */
function publishedNames(
  task: Task,
  registryTag: string,
  { record }: ExistingResult,
  pushTags: PlanInput['pushTags'],
): readonly string[] {
  if (pushTags !== undefined) return [...(pushTags.get(task.id)?.keys() ?? [])];
  return record.manifestDigest === undefined ? none : [nameByDigest(registryTag, record.manifestDigest)];
}

/**
 * Returns true unless a record shows that the task was built in its current period, with the cache that a build would use now: that of
 * another engine may hold older downloads. Of several builder nodes, the run knows which one builds.
 */
function isNewPeriod(task: Task, keyed: TaskKey | undefined, input: PlanInput): boolean {
  if (task.maxAgeMs === undefined) return false;
  const latest = input.latest.get(task.id);
  if (latest === undefined || versionIdOf(latest.record.task) !== versionIdOf(task.id)) return true;
  if (task.kind === 'image' && !isBuiltHere(latest.record, input)) return true;
  if (latest.record.key === keyed?.key) return false;
  const age = (manifest: Manifest | undefined): string | undefined =>
    manifest?.lines.find(([, name]) => name === maxAgeLine)?.[2];
  return age(latest.manifest) !== age(keyed?.manifest);
}

/** Whether a node built it for a run on nodes, or the engine that has it, for one in the engine. Output files do not tell which. */
function isBuiltHere({ node, imageId }: TaskRecord, { registryOnly = false, existing }: PlanInput): boolean {
  if (registryOnly || node !== undefined) return registryOnly && node !== undefined;
  return imageId === undefined || existing.images.some(({ id }) => id === imageId);
}
