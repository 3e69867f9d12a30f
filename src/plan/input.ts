import type { TaskKey } from '../key/compute-keys.ts';
import type { Observations } from '../model/observed.ts';
import type { Manifest, TaskRecord } from '../model/record.ts';
import type { Graph, TaskId } from '../model/task.ts';
import type { ExistingState } from './existing.ts';
import type { Naming } from './refs.ts';
import type { Moment } from './volatile-values.ts';

/** The inputs of `makePlan`. */
export interface PlanInput {
  readonly graph: Graph;
  readonly selected: ReadonlySet<TaskId>;
  /** The selected tasks and all tasks that they need. */
  readonly scope: ReadonlySet<TaskId>;
  readonly observations: Observations;
  readonly keyed: ReadonlyMap<TaskId, TaskKey>;
  readonly existing: ExistingState;
  /** Previous records, for reasons and expected durations. */
  readonly latest: ReadonlyMap<TaskId, PreviousRecord>;
  readonly naming: Naming;
  /** What changes by itself, for warnings about labels and args that contain it. */
  readonly moment?: Moment;
  /** Tasks that the engine cannot build, and why. */
  readonly unbuildable?: ReadonlyMap<TaskId, string>;
  /** Tasks whose tests the engine cannot run, and why. */
  readonly untestable?: ReadonlyMap<TaskId, string>;
  /** Tasks to rebuild without any cache. */
  readonly forced: ReadonlySet<TaskId>;
  /** Tasks whose images will be tested. */
  readonly tested: ReadonlySet<TaskId>;
  /** True if tests run again although they have passed. */
  readonly retest: boolean;
  /** True if images live in a registry alone, because a builder builds them. */
  readonly registryOnly?: boolean;
  /** The tags that a push sets, by task; undefined for a build. After a push, the registry has all selected images. */
  readonly pushTags?: ReadonlyMap<TaskId, PushTags>;
}

/** The tags that a push sets for a task, each with the digest that it points to now; undefined if it does not exist. */
export type PushTags = ReadonlyMap<string, string | undefined>;

/** The last record of a task under any key, or else the last record of the closest version; with its manifest. */
export interface PreviousRecord {
  readonly record: TaskRecord;
  readonly manifest?: Manifest;
}
