import { type BakeExport, writeBake } from '../adopt/write-bake.ts';
import type { ExportedTask } from '../adopt/write-bake-target.ts';
import { resolveSelectors } from '../graph/select.ts';
import { versionIdOf } from '../model/task.ts';
import { firstAliases } from '../release/aliases.ts';
import type { Host } from './host.ts';
import type { OpenProject } from './open-project.ts';
import type { PlanOptions } from './options.ts';
import { planProject } from './plan-project.ts';

/** Returns the selected tasks, and what they need, as a bake file with release tags. Builds nothing. @throws TasksError */
export async function exportBake(open: OpenProject, options: PlanOptions, host: Host): Promise<BakeExport> {
  const names = { ...options.names, suffix: '', release: true };
  const { plan, observations, graph, naming } = await planProject(
    open,
    // The file is for any builder: it does not depend on what a registry has.
    { ...options, names, builder: { name: 'default', origin: 'export' }, fromRegistry: false, force: false },
    host,
    { needsEngine: false, readAll: true },
  );
  const planned = [...plan.steps.values()].map(({ task }) => task);
  // Of several versions with one alias, the newest gets it. Bake would give it to the one that ends last.
  const aliases = new Map([...firstAliases(planned, graph)].map(([id, own]) => [versionIdOf(id), own]));
  const tasks = [...plan.steps.values()].map(({ task, contentTag }): ExportedTask => {
    const observed = observations.get(task.id);
    return {
      task: task.kind === 'image' ? { ...task, aliases: aliases.get(versionIdOf(task.id)) ?? [] } : task,
      ...(observed?.kind === 'image' ? { observed } : {}),
      ...(contentTag === undefined ? {} : { contentTag }),
    };
  });
  return writeBake(tasks, resolveSelectors(graph, options.selectors), naming.repo);
}
