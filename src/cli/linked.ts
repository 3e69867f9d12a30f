import type { ImpliedNeed, LinkedGraph } from '../graph/implied-needs.ts';
import { linkImpliedNeeds } from '../graph/implied-needs.ts';
import type { ImageName } from '../model/observed.ts';
import type { Observer } from '../model/ports.ts';
import type { Graph, Project, TaskId } from '../model/task.ts';
import { chooseAlias } from '../release/aliases.ts';

/** A project's graph with the needs that its Dockerfiles imply. `repo`: of this run. @throws DefinitionError (exit 2) */
export async function linkedGraph(
  { graph, project }: { readonly graph: Graph; readonly project: Project },
  observer: Pick<Observer, 'names'>,
  repo: string,
): Promise<LinkedGraph> {
  const names = new Map<TaskId, readonly ImageName[]>();
  for (const task of graph.tasks.values()) {
    const own = await observer.names(task);
    if (own.length > 0) names.set(task.id, own);
  }
  const repos = [...(project.repo !== undefined ? [project.repo] : []), repo];
  const tasks = [...graph.tasks.values()];
  return linkImpliedNeeds(
    graph,
    names,
    repos,
    (alias) => chooseAlias(alias, tasks, graph, undefined).task?.id,
  );
}

/** What is said of needs that no definition declares, each name in each Dockerfile once. */
export function impliedNotes(needs: readonly ImpliedNeed[]): string[] {
  const notes = needs.map(
    ({ place, reference, dockerfile, need }) =>
      `${place}${place === 'FROM' ? ' ' : place === 'COPY --from' ? '=' : ' from='}${reference} in ${dockerfile} is this project's ${need}`,
  );
  return [...new Set(notes)];
}
