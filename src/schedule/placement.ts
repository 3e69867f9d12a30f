import { createHash } from 'node:crypto';
import type { BuilderNode } from '../model/builder-node.ts';
import type { TaskId } from '../model/task.ts';
import type { Job } from './job.ts';

/** Decides which builder node runs a job. It holds the state of one run; the same calls always give the same nodes. */
export interface Placement {
  /** Returns whether a node that can run the job has a job free. */
  hasRoom(job: Job): boolean;
  /** Returns whether a node is left that can run the job. A job without platforms runs on this machine. */
  canRun(job: Job): boolean;
  /** Chooses a node for a job and counts the job on it. There must be room. */
  place(job: Job): void;
  /** Must be called when a job that was placed has ended. */
  release(job: Job, isDone: boolean): void;
  /** Returns the node that a job was placed on last. */
  nodeOf(id: TaskId): string | undefined;
  /** Leaves the node of a job out from now on. */
  leaveOut(id: TaskId): void;
}

/** Jobs for a node, and how many run on it. */
interface Load {
  readonly node: BuilderNode;
  running: number;
}

/**
 * Creates the placement of a run. A job goes to the node that has most of the images that it needs, then to the one that built it
 * before. The first job of a chain goes to the node with the highest hash of its name and the chain's root, so that runs agree without
 * a record. A node that runs at least two jobs more than the emptiest one is passed over for that one. No job waits for a full node
 * while another node can start it.
 */
export function makePlacement(
  jobs: readonly Job[],
  nodes: readonly BuilderNode[],
  images: ReadonlyMap<TaskId, readonly string[]> = new Map(),
): Placement {
  const roots = chainRoots(jobs);
  const holders = new Map([...images].map(([id, names]) => [id, new Set(names)]));
  const placed = new Map<TaskId, Load>();
  let loads: readonly Load[] = nodes.map((node) => ({ node, running: 0 }));
  /** The nodes that can run a job, by its platforms. */
  const eligible = new Map<string, readonly Load[]>();

  const eligibleFor = (job: Job): readonly Load[] => {
    const name = `${job.platform} ${job.buildPlatform}`;
    const known = eligible.get(name);
    if (known !== undefined) return known;
    const able = eligibleNodes(
      loads.map(({ node }) => node),
      job,
    );
    const found = loads.filter(({ node }) => able.includes(node));
    eligible.set(name, found);
    return found;
  };
  const isFree = ({ node, running }: Load): boolean => running < node.jobs;
  const has = (id: TaskId, name: string): boolean => holders.get(id)?.has(name) ?? false;
  /** Returns the best node for a job by what it has, ignoring how full it is. */
  const closest = (job: Job, among: readonly Load[]): Load => {
    const root = roots.get(job.id)!;
    const ranks = among.map((load) => ({
      load,
      needs: job.needs.filter((id) => has(id, load.node.name)).length,
      own: has(job.id, load.node.name) ? 1 : 0,
    }));
    const best = ranks.reduce((most, each) => {
      const more = each.needs - most.needs || each.own - most.own;
      return more > 0 || (more === 0 && isHashedBefore(root, each.load, most.load)) ? each : most;
    });
    return best.load;
  };

  return {
    hasRoom: (job) => eligibleFor(job).some(isFree),
    canRun: (job) => job.platform === undefined || eligibleFor(job).length > 0,
    place(job) {
      const free = eligibleFor(job).filter(isFree);
      const lowest = Math.min(...free.map(({ running }) => running));
      const first = closest(job, free);
      const load =
        first.running > lowest + 1
          ? closest(
              job,
              free.filter(({ running }) => running === lowest),
            )
          : first;
      load.running++;
      placed.set(job.id, load);
    },
    release(job, isDone) {
      const load = placed.get(job.id);
      if (load === undefined) return;
      load.running--;
      if (!isDone) return;
      const { name } = load.node;
      holders.set(job.id, new Set([name]));
      for (const id of job.needs) holders.set(id, (holders.get(id) ?? new Set()).add(name));
    },
    nodeOf: (id) => placed.get(id)?.node.name,
    leaveOut(id) {
      loads = loads.filter((load) => load !== placed.get(id));
      eligible.clear();
    },
  };
}

/** Returns how many jobs each node runs: the jobs of the run, divided among the nodes. */
export function jobsPerNode(jobs: number, nodes: number): number {
  return Math.ceil(jobs / Math.max(1, nodes));
}

/** Returns the nodes that a job may run on: those that run its platform natively, or else those that emulate it. */
export function eligibleNodes<Node extends BuilderNode>(
  nodes: readonly Node[],
  { platform, buildPlatform }: Pick<Job, 'platform' | 'buildPlatform'>,
): readonly Node[] {
  const able = nodes.filter(
    (node) =>
      node.platforms.includes(platform!) && (buildPlatform === undefined || node.native === buildPlatform),
  );
  const native = able.filter((node) => node.native === platform);
  return native.length > 0 ? native : able;
}

/** Returns the first task of the chain that each job ends: by its first need that runs on a node, and that one's. */
function chainRoots(jobs: readonly Job[]): ReadonlyMap<TaskId, TaskId> {
  const local = new Set(jobs.filter(({ platform }) => platform === undefined).map(({ id }) => id));
  const roots = new Map<TaskId, TaskId>();
  for (const { id, needs } of jobs) {
    const first = needs.find((need) => !local.has(need));
    roots.set(id, first === undefined ? id : (roots.get(first) ?? first));
  }
  return roots;
}

/** Compares two nodes by the hash of their names and a root (rendezvous hashing). */
function isHashedBefore(root: TaskId, a: Load, b: Load): boolean {
  return hashOf(root, a.node.name) > hashOf(root, b.node.name);
}

function hashOf(root: TaskId, node: string): string {
  return createHash('sha256').update(`${root}\n${node}`).digest('hex');
}
