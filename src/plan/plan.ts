import { describe, located } from '../key/difference.ts';
import { explain } from '../key/explain.ts';
import type { Keyed } from '../key/keys.ts';
import { ageLine } from '../key/manifest.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan, Reason, Step } from '../model/plan.ts';
import type { EngineImage } from '../model/ports.ts';
import { type Manifest, resultOf, type TaskRecord } from '../model/record.ts';
import { type Graph, makesFiles, needIds, type Task, type TaskId } from '../model/task.ts';
import { familiar, makeFinder, type World } from './here.ts';
import { contentTag, type Naming, runTags } from './refs.ts';

export interface PlanInput {
  readonly graph: Graph;
  readonly selected: ReadonlySet<TaskId>;
  /** The selected tasks and all that they need. */
  readonly scope: ReadonlySet<TaskId>;
  readonly observations: Observations;
  readonly keyed: ReadonlyMap<TaskId, Keyed>;
  readonly world: World;
  /** For reasons and expected durations. */
  readonly latest: ReadonlyMap<TaskId, Nearest>;
  readonly naming: Naming;
  /** Tasks to be made from nothing. */
  readonly forced: ReadonlySet<TaskId>;
}

/** The last record of a task under any key, or else of the closest version of its definition; and its manifest. */
export interface Nearest {
  readonly record: TaskRecord;
  readonly manifest?: Manifest;
}

/** How a task stands while the plan is made. */
interface Standing {
  readonly task: Task;
  readonly here?: { record: TaskRecord; image?: EngineImage };
  blocked?: Reason;
  /** Why it is to be made. Empty: it is not. */
  readonly why: Reason[];
}

/**
 * One step for each task in scope. A task is made if it is selected and not here, if something to be made needs it, if
 * something it is built on is made anew, or if it was made with another result of a need than the one known now.
 */
export function makePlan(input: PlanInput): Plan {
  const standings = survey(input);
  demand(standings, input);
  const steps = new Map<TaskId, Step>();
  for (const standing of standings.values())
    steps.set(standing.task.id, makeStep(standing, standings, input));
  return { steps };
}

/** How each task stands by itself: here or not, blocked or not, made with other needs than those known now. */
function survey(input: PlanInput): Map<TaskId, Standing> {
  const finder = makeFinder(input.world, input.naming);
  const standings = new Map<TaskId, Standing>();
  for (const task of input.graph.tasks.values()) {
    if (!input.scope.has(task.id)) continue;
    const keyed = input.keyed.get(task.id);
    const here = keyed === undefined ? undefined : finder.find(task, keyed.key);
    const standing: Standing = { task, ...(here ? { here } : {}), why: [] };
    const blocked = blockedReason(task, input, standings);
    if (blocked !== undefined) standing.blocked = blocked;
    else if (input.forced.has(task.id))
      standing.why.push({ code: 'forced', detail: 'asked for with --force' });
    else if (here !== undefined) standing.why.push(...otherNeeds(task, here.record, standings, input));
    standings.set(task.id, standing);
  }
  return standings;
}

function blockedReason(
  task: Task,
  input: PlanInput,
  standings: ReadonlyMap<TaskId, Standing>,
): Reason | undefined {
  const observed = input.observations.get(task.id);
  if (observed?.kind === 'problem') return { code: 'unreadable', detail: observed.detail };
  const need = needIds(task).find((id) => standings.get(id)?.blocked !== undefined);
  return need === undefined ? undefined : { code: 'need-blocked', detail: `${need} cannot be made` };
}

function otherNeeds(
  task: Task,
  record: TaskRecord,
  standings: ReadonlyMap<TaskId, Standing>,
  input: PlanInput,
): Reason[] {
  return needIds(task).flatMap((id): Reason[] => {
    const known = standings.get(id)?.here?.record ?? input.world.records.get(input.keyed.get(id)?.key ?? '');
    const used = record.needs[id];
    if (known === undefined || used === undefined || used === resultOf(known)) return [];
    return [{ code: 'need-image', detail: `made with another ${id} than the one here now` }];
  });
}

/** Spreads "is to be made": up to needs that are not here, down to what is built on something made anew. */
function demand(standings: ReadonlyMap<TaskId, Standing>, input: PlanInput): void {
  const queue: Standing[] = [];
  const make = (standing: Standing, reason: () => Reason): void => {
    if (standing.blocked !== undefined) return;
    if (standing.why.length === 0) queue.push(standing);
    standing.why.push(reason());
  };
  for (const standing of standings.values()) {
    if (standing.why.length > 0) queue.push(standing);
    else if (standing.here === undefined && input.selected.has(standing.task.id)) {
      make(standing, () => whyNotHere(standing.task, input));
    }
  }
  for (let standing = queue.shift(); standing !== undefined; standing = queue.shift()) {
    const { task } = standing;
    for (const id of needIds(task)) {
      const need = standings.get(id)!;
      if (need.here === undefined && need.why.length === 0) make(need, () => whyNotHere(need.task, input));
    }
    for (const id of input.graph.dependents.get(task.id) ?? []) {
      const dependent = standings.get(id);
      if (dependent === undefined || (dependent.here === undefined && dependent.why.length === 0)) continue;
      make(dependent, () => ({
        code: 'need-built',
        detail: `${task.id} will be ${task.kind === 'command' ? 'run' : 'built'}`,
      }));
    }
  }
}

function whyNotHere(task: Task, input: PlanInput): Reason {
  const keyed = input.keyed.get(task.id)!;
  const latest = input.latest.get(task.id);
  if (input.world.records.has(keyed.key)) {
    const what = makesFiles(task)
      ? 'its kept files are gone or differ from what was made'
      : 'its image is no longer in the engine';
    return { code: 'missing', detail: what };
  }
  if (latest === undefined) return { code: 'not-built', detail: 'never made here' };
  const isOwn = latest.record.task === task.id;
  const start = isOwn ? '' : `never made here; unlike ${latest.record.task}: `;
  const code = isOwn ? 'changed' : 'not-built';
  if (latest.manifest === undefined)
    return { code, detail: `${start}its inputs are not those of the last time` };
  const differences = explain(latest.manifest, keyed.manifest)
    .filter((difference) => isOwn || difference.name !== 'id')
    .map((difference) => describe(located(difference, task)));
  const more = differences.length > 3 ? ` and ${differences.length - 3} more` : '';
  return { code, detail: `${start}${differences.slice(0, 3).join(', ')}${more}` };
}

function makeStep(standing: Standing, standings: ReadonlyMap<TaskId, Standing>, input: PlanInput): Step {
  const { task, here } = standing;
  const keyed = input.keyed.get(task.id);
  const selected = input.selected.has(task.id);
  const isMade = standing.why.length > 0;
  const content =
    keyed === undefined || makesFiles(task) ? undefined : contentTag(task, keyed.key, input.naming);
  const expectedMs = input.latest.get(task.id)?.record.durationMs;
  const common = {
    task,
    selected,
    key: keyed?.key ?? '',
    ...(keyed ? { manifest: keyed.manifest } : {}),
    ...(content !== undefined ? { contentTag: content } : {}),
    ...(expectedMs !== undefined ? { expectedMs } : {}),
    fromNothing: input.forced.has(task.id) || isNewPeriod(task, keyed, input),
    tags: [],
    newTags: [],
  };
  if (standing.blocked !== undefined) return { ...common, action: 'blocked', reasons: [standing.blocked] };
  const notes = notesOn(task, input);
  if (isMade) {
    const tags = selected ? runTags(task, input.naming) : [];
    const action = task.kind === 'command' ? 'run' : 'build';
    return { ...common, action, reasons: [...standing.why, ...notes], tags, newTags: tags };
  }
  if (here === undefined)
    return {
      ...common,
      action: 'skip',
      reasons: [{ code: 'not-needed', detail: 'nothing that will be done needs it' }],
    };
  const isNeeded = (input.graph.dependents.get(task.id) ?? []).some(
    (id) => (standings.get(id)?.why.length ?? 0) > 0,
  );
  return {
    ...common,
    action: 'reuse',
    record: here.record,
    reasons: [{ code: 'up-to-date', detail: 'nothing that counts has changed' }, ...notes],
    ...reuseTags({
      task,
      selected,
      isNeeded,
      content,
      image: here.image,
      naming: input.naming,
      recorded: here.record.tags,
    }),
  };
}

interface ReuseTags {
  readonly task: Task;
  readonly selected: boolean;
  readonly isNeeded: boolean;
  readonly content: string | undefined;
  readonly image: EngineImage | undefined;
  readonly naming: Naming;
  readonly recorded: readonly string[];
}

/** A run's time is never a reason to tag what is unchanged; a release's or a given suffix's tags are put where missing. */
function reuseTags(reuse: ReuseTags): { tags: readonly string[]; newTags: readonly string[] } {
  const { task, selected, isNeeded, content, image, naming } = reuse;
  if (content === undefined || image === undefined) return { tags: [], newTags: [] };
  const present = new Set(image.tags.map(familiar));
  const lacks = (tag: string): boolean => !present.has(familiar(tag));
  const newContent = isNeeded && lacks(content) ? [content] : [];
  if (!selected || !task.publish) return { tags: [], newTags: newContent };
  if (!naming.timed) {
    const tags = runTags(task, naming);
    return { tags, newTags: [...newContent, ...tags.filter(lacks)] };
  }
  const own = reuse.recorded.filter((tag) => !lacks(tag) && tag.startsWith(`${naming.repo}/`));
  const tags = own.length > 0 ? own : [content];
  return {
    tags,
    newTags: [
      ...newContent,
      ...(own.length === 0 && lacks(content) && newContent.length === 0 ? [content] : []),
    ],
  };
}

/** What makes a key less than exact, or its files doubtful. It is never why something is made. */
function notesOn(task: Task, input: PlanInput): Reason[] {
  const observed = input.observations.get(task.id);
  if (observed?.kind !== 'image') return [];
  return [
    ...observed.impure.map((detail): Reason => ({ code: 'impure', detail })),
    ...observed.vague.map((detail): Reason => ({ code: 'vague', detail: `everything counts: ${detail}` })),
    ...observed.suspect.map((detail): Reason => ({ code: 'suspect', detail })),
  ];
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
