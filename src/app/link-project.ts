import path from 'node:path';
import { resolveEndpoint } from '../engine/endpoint.ts';
import { proxyArgs } from '../engine/proxies.ts';
import { type ImpliedNeed, type LinkedGraph, linkImpliedNeeds } from '../graph/implied-needs.ts';
import { type Memo, openMemo } from '../incremental/memo.ts';
import type { ImageName } from '../model/observed.ts';
import type { Observer } from '../model/ports.ts';
import type { Graph, Project, TaskId } from '../model/task.ts';
import { readLock } from '../observe/lock-file.ts';
import { openObserver } from '../observe/observer.ts';
import { resolveNaming } from '../plan/refs.ts';
import { chooseAlias } from '../release/aliases.ts';
import type { Host } from './host.ts';
import { warnWith } from './notices.ts';
import { queryOnbuild } from './onbuild.ts';
import type { OpenProject } from './open-project.ts';
import type { NameOptions } from './options.ts';
import { withPlaces } from './with-places.ts';

/** A project whose graph has the needs that its Dockerfiles imply, with the observer that reads its tasks. */
export interface LinkedProject extends OpenProject {
  /** The needs that no definition declares. */
  readonly implied: readonly ImpliedNeed[];
  readonly memo: Memo;
  readonly observer: Observer;
}

/** Completes a project's graph for the repository of this run. @throws DefinitionError with exit code 2 */
export async function linkProject(
  open: OpenProject,
  names: NameOptions,
  host: Host,
  signal: AbortSignal,
): Promise<LinkedProject> {
  const { memo, observer } = openReaders(open, host, signal);
  const { repo } = resolveNaming(names, open.project, host.clock.now());
  const { graph, needs } = await withPlaces(open, () => linkGraph(open, observer, repo));
  return { ...open, graph, implied: needs, memo, observer };
}

/** Returns a graph with the needs that its Dockerfiles imply. `repo`: the repository of this run. @throws DefinitionError */
async function linkGraph(
  { graph, project }: { readonly graph: Graph; readonly project: Project },
  observer: Pick<Observer, 'names'>,
  repo: string,
): Promise<LinkedGraph> {
  const names = new Map<TaskId, readonly ImageName[]>();
  for (const task of graph.tasks.values()) {
    const found = await observer.names(task);
    if (found.length > 0) names.set(task.id, found);
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

function openReaders(
  { root, cacheFolder, graph }: OpenProject,
  host: Host,
  signal: AbortSignal,
): { memo: Memo; observer: Observer } {
  const warn = warnWith(host.notify);
  const memo = openMemo(path.join(cacheFolder, 'memo'), warn);
  const observer = openObserver({
    root,
    depsLogFile: path.join(cacheFolder, 'traces'),
    memo,
    environment: host.environment,
    now: host.clock.now(),
    programId: host.program.id,
    lock: readLock(root),
    hasOnbuild: queryOnbuild(host, signal),
    builderArgs: builderArgsOf(graph, host),
    warn,
  });
  return { memo, observer };
}

/** Returns the build args that docker adds to each build. A project of commands alone needs no engine. */
function builderArgsOf({ tasks }: Graph, { environment }: Host): Record<string, string> {
  const hasImages = [...tasks.values()].some(({ kind }) => kind === 'image');
  return hasImages ? proxyArgs(resolveEndpoint(environment), environment) : {};
}
