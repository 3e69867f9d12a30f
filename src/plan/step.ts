import type { TaskKey } from '../key/compute-keys.ts';
import { maxAgeLine } from '../key/manifest.ts';
import type { Action, Reason, Step } from '../model/plan.ts';
import type { Manifest } from '../model/record.ts';
import { makesFiles, type Task } from '../model/task.ts';
import type { ExistingResult } from './existing.ts';
import type { PlanInput } from './input.ts';
import { inputNotes } from './reasons.ts';
import { contentTag, familiarName, filterRunTags, registryTag, runTags } from './refs.ts';
import { isNeeded, type TaskStatus, type TaskStatuses } from './status.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What is to be done about one task, once it is known how all stand. */
export function makeStep(standing: TaskStatus, standings: TaskStatuses, input: PlanInput): Step {
  const { task, found, blocked, buildReasons } = standing;
  const step = untold(standing, input);
  if (blocked !== undefined) {
    step.action = 'blocked';
    step.reasons = [blocked];
  } else if (buildReasons.length > 0) {
    step.action = task.kind === 'command' ? 'run' : 'build';
    step.reasons = [...buildReasons, ...inputNotes(task, input)];
    if (found !== undefined) step.outdatedRecord = found.record;
    if (step.selected) step.tags = step.newTags = runTags(task, input.naming);
  } else if (found === undefined) step.reasons = [{ code: 'not-needed', detail: nobodyNeeds }];
  else use(step, found, useOf(standing, found, standings, input), standing, standings, input);
  return step;
}

/** All of a step but what is to be done. No spreads: they cost more than all the rest of a plan in which nothing is to be done. */
function untold({ task, found, buildReasons }: TaskStatus, input: PlanInput): Writable<Step> {
  const keyed = input.keyed.get(task.id);
  const seen = input.existing.remote.get(task.id);
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
  const expectedMs = input.latest.get(task.id)?.record.durationMs;
  // Of a result that another run made the duration is not known.
  if (expectedMs) step.expectedMs = expectedMs;
  if (keyed?.manifest !== undefined) step.manifest = keyed.manifest;
  if (keyed !== undefined && !makesFiles(task)) {
    step.contentTag = contentTag(task, keyed.key);
    step.registryTag = registryTag(task, keyed.key, input.naming);
  }
  if (seen !== undefined && (buildReasons.length > 0 || found?.remote === undefined))
    step.replacesDigest = seen.image.digest;
  return step;
}

const none: readonly string[] = [];

/** Makes a step one that uses a result that counts as it is. */
function use(
  step: Writable<Step>,
  found: ExistingResult,
  { action, reason }: { action: Action; reason: Reason },
  standing: TaskStatus,
  standings: TaskStatuses,
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
  const { tags, newTags } = tagsOf(step, found, isNeeded(standing, standings, input), input);
  step.tags = tags;
  step.newTags = newTags;
}

const nobodyNeeds = 'nothing that will be done needs it';

/** What is done with a result that counts as it is. */
function useOf(
  standing: TaskStatus,
  found: ExistingResult,
  standings: TaskStatuses,
  input: PlanInput,
): { action: Action; reason: Reason } {
  const { task } = standing;
  if (found.remote === undefined)
    return { action: 'reuse', reason: { code: 'up-to-date', detail: 'nothing that counts has changed' } };
  const remote = (action: Action, detail: string): { action: Action; reason: Reason } => ({
    action,
    reason: { code: 'in-registry', detail },
  });
  const isSelected = input.selected.has(task.id);
  if (found.image === undefined) {
    if (isNeeded(standing, standings, input))
      return remote('pull', 'the registry has it; what is to be built stands on it');
    const isTested = input.tested.has(task.id) && (input.retest || !found.remote.passed);
    if (isTested) return remote('pull', 'the registry has it; its test is to run');
  }
  const digest = found.remote.image.digest;
  const tags = input.pushTags?.get(task.id) ?? new Map<string, string | undefined>();
  if ([...tags.values()].some((now) => now !== digest))
    return remote('retag', 'the registry has it; only tags are missing there');
  if (found.image === undefined && !isSelected)
    return remote('skip', `the registry has it, and ${nobodyNeeds} here`);
  return remote('reuse', 'the registry has it');
}

/** A run's time is never a reason to tag what is unchanged; a release's or a given suffix's tags are put where missing. */
function tagsOf(
  { task, action, selected, contentTag: content, registryTag: remote }: Step,
  found: ExistingResult,
  isWanted: boolean,
  { naming, pushTags }: PlanInput,
): Pick<Step, 'tags' | 'newTags'> {
  if (content === undefined) return { tags: none, newTags: none };
  const present = found.image?.tags.map(familiarName) ?? none;
  const lacks = (tag: string): boolean => !present.includes(familiarName(tag));
  const newContent = isWanted && lacks(content) ? [content] : none;
  if (!selected || !task.publish) return { tags: none, newTags: newContent };
  if (pushTags !== undefined)
    return { tags: [...(pushTags.get(task.id)?.keys() ?? [])], newTags: newContent };
  // Where it is not here it can be used under the registry's name.
  if (found.image === undefined) return { tags: [remote!], newTags: action === 'pull' ? [remote!] : none };
  if (!naming.timed) {
    const tags = runTags(task, naming);
    return { tags, newTags: [...newContent, ...tags.filter(lacks)] };
  }
  const isOwn = (tag: string): boolean => tag.startsWith(`${naming.repo}/`) || tag === remote;
  const recorded = found.record.tags.filter((tag) => !lacks(tag) && isOwn(tag));
  const own = recorded.length > 0 ? recorded : filterRunTags(found.image.tags, task, naming);
  if (own.length > 0) return { tags: own, newTags: newContent };
  // So a push names it, and so did versions of this program before neutral names.
  if (!lacks(remote!)) return { tags: [remote!], newTags: newContent };
  return { tags: [content], newTags: lacks(content) ? [content] : none };
}

/** BuildKit's cache may still hold what an earlier period fetched; only a record of this one says that it does not. */
function isNewPeriod(task: Task, keyed: TaskKey | undefined, input: PlanInput): boolean {
  if (task.maxAgeMs === undefined) return false;
  const latest = input.latest.get(task.id);
  if (latest?.record.task !== task.id) return true;
  if (latest.record.key === keyed?.key) return false;
  const age = (manifest: Manifest | undefined): string | undefined =>
    manifest?.lines.find(([, name]) => name === maxAgeLine)?.[2];
  return age(latest.manifest) !== age(keyed?.manifest);
}
