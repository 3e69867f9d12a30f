import type { TaskKey } from '../key/compute-keys.ts';
import type { Observations } from '../model/observed.ts';
import type { Manifest, TaskRecord } from '../model/record.ts';
import type { Graph, TaskId } from '../model/task.ts';
import type { ExistingState } from './existing.ts';
import type { Naming } from './refs.ts';

/** Everything that a plan is made from. */
export interface PlanInput {
  readonly graph: Graph;
  readonly selected: ReadonlySet<TaskId>;
  /** The selected tasks and all that they need. */
  readonly scope: ReadonlySet<TaskId>;
  readonly observations: Observations;
  readonly keyed: ReadonlyMap<TaskId, TaskKey>;
  readonly existing: ExistingState;
  /** For reasons and expected durations. */
  readonly latest: ReadonlyMap<TaskId, PreviousRecord>;
  readonly naming: Naming;
  /** Tasks to be made from nothing. */
  readonly forced: ReadonlySet<TaskId>;
  /** Tasks whose images are to be tested. */
  readonly tested: ReadonlySet<TaskId>;
  /** True: their tests run even where they have passed. */
  readonly retest: boolean;
  /** For a push, after which the selected images are in the registry: the tags that it sets. Undefined for a build. */
  readonly pushTags?: ReadonlyMap<TaskId, PushTags>;
}

/** The tags that a push sets for a task, each with the digest that it points at now; undefined: nothing is there. */
export type PushTags = ReadonlyMap<string, string | undefined>;

/** The last record of a task under any key, or else of the closest version of its definition; and its manifest. */
export interface PreviousRecord {
  readonly record: TaskRecord;
  readonly manifest?: Manifest;
}
