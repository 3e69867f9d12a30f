import { TasksError } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { Builder, ConnectedNode } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import type { Project } from '../model/task.ts';
import { repositoryOf } from '../plan/refs.ts';
import { jobsPerNode } from '../schedule/placement.ts';
import type { AnsweringNode, Host } from './host.ts';
import type { BuilderName, NameOptions } from './options.ts';

/** A builder with nodes, and the registry that alone has their images. */
export interface RegistryBuilder {
  readonly registry: Registry;
  /** Connects to the nodes on the first call. @throws TasksError exit 3 if none answers */
  nodes(): Promise<readonly AnsweringNode[]>;
}

/**
 * Returns the builder that a run names, by its options or by `project()`; undefined if the docker engine builds.
 * @throws TasksError exit 2 if there is no such builder, or without a repository for the images; exit 3
 */
export async function openBuilder(
  { builder, names }: { readonly builder?: BuilderName | undefined; readonly names: NameOptions },
  project: Project,
  host: Host,
  signal: AbortSignal,
): Promise<RegistryBuilder | undefined> {
  const named = builder ?? projectBuilder(project);
  if (named === undefined) return undefined;
  const connect = await host.connections.builder(named, signal);
  if (connect === undefined) return undefined;
  if ((names.repo ?? project.repo) === undefined)
    throw new TasksError(2, `the builder ${named.name} has no repository to push images to`, {
      hint: "name one with --repo citus, DOCKER_REPO, or project({ repo: 'citus' }) in the definitions",
    });
  let nodes: Promise<readonly AnsweringNode[]> | undefined;
  return {
    registry: await host.connections.registry(signal),
    nodes: () => {
      nodes ??= connect((message) => host.notify({ kind: 'warning', message }));
      return nodes;
    },
  };
}

/** Returns the builder that `project()` names. */
export function projectBuilder({ builder }: Project): BuilderName | undefined {
  return builder === undefined ? undefined : { name: builder, origin: 'the builder of project()' };
}

/** Divides the jobs of a run among nodes. */
export function shareJobs(nodes: readonly AnsweringNode[], jobs: number): readonly ConnectedNode[] {
  return nodes.map((node) => ({ ...node, jobs: jobsPerNode(jobs, nodes.length) }));
}

/** Returns what all nodes together are able to do: what is asked of a build must work on each. */
export function allNodes(
  nodes: readonly AnsweringNode[],
): Pick<Builder, 'ready' | 'abilities' | 'grants' | 'platforms'> {
  return {
    // They have just answered.
    ready: async () => undefined,
    abilities: () => nodes[0]!.builder.abilities(),
    grants: async (entitlement) => {
      const answers = await Promise.all(nodes.map(({ builder }) => builder.grants(entitlement)));
      return answers.every((isGranted) => isGranted);
    },
    platforms: async () => [...new Set(nodes.flatMap(({ platforms }) => platforms))],
  };
}

/** Checks that this user may push what is built: a build cannot end without that. @throws RegistryError */
export async function checkPushes(
  steps: readonly Step[],
  registry: Pick<Registry, 'mayPush'>,
): Promise<void> {
  const tags = steps.flatMap(({ registryTag }) => registryTag ?? []);
  for (const repository of new Set(tags.map(repositoryOf))) await registry.mayPush(repository);
}
