import type { PlanDocument, PlanDocumentTask } from '../model/documents.ts';
import { countActions } from '../model/plan.ts';
import { type ImageTask, needIds, type Task } from '../model/task.ts';
import { firstAliases } from '../release/aliases.ts';
import type { PlannedProject } from './plan-project.ts';

type DocumentedPlan = Pick<PlannedProject, 'plan' | 'observations' | 'graph' | 'naming'>;

/** Returns the document that `plan --json` prints. The plan must have been made with all tasks read. */
export function planDocument(planned: DocumentedPlan): PlanDocument {
  const { plan, graph, naming } = planned;
  const aliases = firstAliases(
    [...plan.steps.values()].map(({ task }) => task),
    graph,
  );
  const aliasesOf = ({ id, name }: Task): string[] =>
    (aliases.get(id) ?? []).map((alias) => `${naming.repo}/${name}:${alias}`);
  const tasks = [...plan.steps.values()].map(
    ({ task, action, reasons, key, tags }): PlanDocumentTask => ({
      id: task.id,
      name: task.name,
      version: task.version,
      action,
      reasons,
      key,
      needs: needIds(task),
      tags,
      publish: task.publish,
      ...(task.kind === 'image'
        ? imageFields(task, aliasesOf(task), planned)
        : { ...commandFields, platform: task.platform ?? null }),
    }),
  );
  return { tasks, counts: countActions(plan) };
}

type ImageFields = Pick<
  PlanDocumentTask,
  'args' | 'labels' | 'aliases' | 'platform' | 'context' | 'dockerfile' | 'target' | 'bases'
>;

function imageFields(
  task: ImageTask,
  aliases: readonly string[],
  { observations }: DocumentedPlan,
): ImageFields {
  const { args, labels, platform, context, dockerfile, dockerfileText, target = null } = task;
  const observed = observations.get(task.id);
  const bases = observed?.kind === 'image' ? observed.bases : [];
  return {
    args,
    labels,
    aliases,
    platform,
    context,
    dockerfile: dockerfileText === undefined ? dockerfile : null,
    target,
    bases: bases.map(({ reference, digest }) => ({
      reference,
      digest: digest ?? /@(.+)$/.exec(reference)?.[1] ?? null,
    })),
  };
}

/** The image fields of a command. */
const commandFields: ImageFields = {
  args: {},
  labels: {},
  aliases: [],
  platform: null,
  context: null,
  dockerfile: null,
  target: null,
  bases: [],
};
