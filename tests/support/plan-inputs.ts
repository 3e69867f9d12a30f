import { withNeeds } from '../../src/graph/select.ts';
import { keyLabel, needsLabel, taskLabel } from '../../src/model/labels.ts';
import type { Observed } from '../../src/model/observed.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { EngineImage } from '../../src/model/ports.ts';
import type { TaskRecord } from '../../src/model/record.ts';
import { type Graph, makesFiles, needIds, type TaskId } from '../../src/model/task.ts';
import type { PlanInput } from '../../src/plan/input.ts';
import { contentTag, type Naming } from '../../src/plan/refs.ts';
import { makeKeys } from './graphs.ts';

export const naming: Naming = { repo: 'r', suffix: '-dev1', timed: true };

/** Returns observations without files. */
function observeNothing(graph: Graph): Map<TaskId, Observed> {
  return new Map(
    [...graph.tasks.values()].map((task): [TaskId, Observed] => [
      task.id,
      task.kind === 'command'
        ? { kind: 'command', inputs: [], env: {}, machine: 'linux/x64' }
        : {
            kind: 'image',
            context: [],
            dockerfile: { source: 'x', digest: 'd' },
            vague: [],
            unpinnedFetches: [],
            bases: [],
            impure: [],
            suspect: [],
          },
    ]),
  );
}

/** Returns the plan input after a run that built every task of the graph. */
export function everythingBuilt(graph: Graph): PlanInput {
  const observations = observeNothing(graph);
  const ids = new Set(graph.tasks.keys());
  const keyed = makeKeys(graph, ids, observations);
  const records = new Map<string, TaskRecord>();
  const images: EngineImage[] = [];
  const files = new Map<string, string>();
  for (const task of graph.tasks.values()) {
    const { key } = keyed.get(task.id)!;
    const needs = Object.fromEntries(needIds(task).map((id) => [id, `id-${id}`]));
    const result = makesFiles(task) ? { filesDigest: `id-${task.id}` } : { imageId: `id-${task.id}` };
    records.set(key, {
      key,
      task: task.id,
      ...result,
      needs,
      bytes: 1,
      durationMs: 1000,
      tags: [],
      time: '',
    });
    if (makesFiles(task)) files.set(key, `id-${task.id}`);
    else images.push(engineImageOf(task.id, key, needs, [contentTag(task, key)]));
  }
  return {
    graph,
    selected: ids,
    scope: ids,
    observations,
    keyed,
    existing: { records, images, files, remote: new Map() },
    latest: new Map(),
    naming,
    forced: new Set(),
    tested: new Set(),
    retest: false,
  };
}

/** Returns an engine image that was built for a task with this key. */
export function engineImageOf(task: TaskId, key: string, needs: object, tags: string[]): EngineImage {
  return {
    id: `id-${task}`,
    tags,
    labels: { [keyLabel]: key, [taskLabel]: task, [needsLabel]: JSON.stringify(needs) },
    bytes: 1,
    created: 0,
  };
}

/** Returns the same input with only these tasks selected. */
export function selectTasks(input: PlanInput, ...ids: TaskId[]): PlanInput {
  return { ...input, selected: new Set(ids), scope: withNeeds(input.graph, ids) };
}

/** Returns the same input without the results of these tasks. */
export function withoutResults(input: PlanInput, ...ids: TaskId[]): PlanInput {
  const keys = ids.map((id) => input.keyed.get(id)!.key);
  return {
    ...input,
    existing: {
      ...input.existing,
      images: input.existing.images.filter((image) => !ids.includes(image.labels[taskLabel]!)),
      files: new Map([...input.existing.files].filter(([key]) => !keys.includes(key))),
    },
  };
}

/** Returns each task's action by the task's name. */
export const actions = (plan: Plan): Record<string, string> =>
  Object.fromEntries([...plan.steps].map(([id, step]) => [id.replace(':latest', ''), step.action]));

/** Returns the codes of one task's reasons. */
export const reasonCodes = (plan: Plan, id: string): string[] =>
  plan.steps.get(`${id}:latest`)!.reasons.map((reason) => reason.code);
