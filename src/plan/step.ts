import type { Keyed } from '../key/keys.ts';
import { ageLine } from '../key/manifest.ts';
import type { Action, Reason, Step } from '../model/plan.ts';
import type { Manifest } from '../model/record.ts';
import { makesFiles, type Task } from '../model/task.ts';
import type { Found } from './here.ts';
import type { PlanInput } from './input.ts';
import { notesOn } from './reasons.ts';
import { contentTag, familiar, runTags } from './refs.ts';
import { isNeeded, type Standing, type Standings } from './standing.ts';

/** What is to be done about one task, once it is known how all stand. */
export function makeStep(standing: Standing, standings: Standings, input: PlanInput): Step {
  const { task, found, blocked, why } = standing;
  const keyed = input.keyed.get(task.id);
  const content =
    keyed === undefined || makesFiles(task) ? undefined : contentTag(task, keyed.key, input.naming);
  const expectedMs = input.latest.get(task.id)?.record.durationMs;
  const seen = input.world.remote.get(task.id);
  const isMade = why.length > 0;
  const common = {
    task,
    selected: input.selected.has(task.id),
    key: keyed?.key ?? '',
    ...(keyed?.manifest !== undefined ? { manifest: keyed.manifest } : {}),
    ...(content !== undefined ? { contentTag: content } : {}),
    ...(expectedMs !== undefined ? { expectedMs } : {}),
    fromNothing: input.forced.has(task.id) || isNewPeriod(task, keyed, input),
    ...(seen !== undefined && (isMade || found?.remote === undefined) ? { replaces: seen.image.digest } : {}),
    tags: [],
    newTags: [],
  };
  if (blocked !== undefined) return { ...common, action: 'blocked', reasons: [blocked] };
  const notes = notesOn(task, input);
  if (isMade) {
    const tags = common.selected ? runTags(task, input.naming) : [];
    const action = task.kind === 'command' ? 'run' : 'build';
    return { ...common, action, reasons: [...why, ...notes], tags, newTags: tags };
  }
  if (found === undefined)
    return { ...common, action: 'skip', reasons: [{ code: 'not-needed', detail: nobodyNeeds }] };
  const { action, reason } = useOf(standing, found, standings, input);
  if (action === 'skip') return { ...common, action, reasons: [reason] };
  return {
    ...common,
    action,
    record: found.record,
    ...(found.remote ? { remote: found.remote.image, passed: found.remote.passed } : {}),
    reasons: [reason, ...notes],
    ...tagsOf(
      { task, selected: common.selected, isWanted: isNeeded(standing, standings, input), content, found },
      input,
    ),
  };
}

const nobodyNeeds = 'nothing that will be done needs it';

/** What is done with a result that counts as it is. */
function useOf(
  standing: Standing,
  found: Found,
  standings: Standings,
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
  const tags = input.published?.get(task.id) ?? new Map<string, string | undefined>();
  if ([...tags.values()].some((now) => now !== digest))
    return remote('retag', 'the registry has it; only tags are missing there');
  if (found.image === undefined && !isSelected)
    return remote('skip', `the registry has it, and ${nobodyNeeds} here`);
  return remote('reuse', 'the registry has it');
}

interface Tagged {
  readonly task: Task;
  readonly selected: boolean;
  /** Something to be made stands on it. */
  readonly isWanted: boolean;
  readonly content: string | undefined;
  readonly found: Found;
}

/** A run's time is never a reason to tag what is unchanged; a release's or a given suffix's tags are put where missing. */
function tagsOf(
  { task, selected, isWanted, content, found }: Tagged,
  { naming, published }: PlanInput,
): { tags: readonly string[]; newTags: readonly string[] } {
  if (content === undefined) return { tags: [], newTags: [] };
  const present = new Set(found.image?.tags.map(familiar));
  const lacks = (tag: string): boolean => !present.has(familiar(tag));
  const newContent = isWanted && lacks(content) ? [content] : [];
  if (!selected || !task.publish) return { tags: [], newTags: newContent };
  if (published !== undefined)
    return { tags: [...(published.get(task.id)?.keys() ?? [])], newTags: newContent };
  if (found.image === undefined) return { tags: [content], newTags: [] };
  if (!naming.timed) {
    const tags = runTags(task, naming);
    return { tags, newTags: [...newContent, ...tags.filter(lacks)] };
  }
  const own = found.record.tags.filter((tag) => !lacks(tag) && tag.startsWith(`${naming.repo}/`));
  if (own.length > 0) return { tags: own, newTags: newContent };
  return { tags: [content], newTags: lacks(content) ? [content] : [] };
}

/** BuildKit's cache may still hold what an earlier period fetched; only a record of this one says that it does not. */
function isNewPeriod(task: Task, keyed: Keyed | undefined, input: PlanInput): boolean {
  if (task.maxAgeMs === undefined) return false;
  const latest = input.latest.get(task.id);
  if (latest?.record.task !== task.id) return true;
  if (latest.record.key === keyed?.key) return false;
  const age = (manifest: Manifest | undefined): string | undefined =>
    manifest?.lines.find(([, name]) => name === ageLine)?.[2];
  return age(latest.manifest) !== age(keyed?.manifest);
}
