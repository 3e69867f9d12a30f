import type { Action, Reason } from './plan.ts';
import type { TaskId } from './task.ts';

// The types of the JSON documents that commands print. scripts/schemas.mjs generates JSON schemas from them.

/** @asType integer */
type Integer = number;

/** What a build does: every task of the plan, its action, and why. */
export interface PlanDocument {
  /** The selected tasks and everything they need. A task comes after the tasks it needs. */
  readonly tasks: readonly PlanDocumentTask[];
  /** The number of tasks per action. */
  readonly counts: Readonly<Record<Action, Integer>>;
}

/** One task of a plan. */
export interface PlanDocumentTask {
  readonly id: TaskId;
  /** The name of the definition. */
  readonly name: string;
  readonly version: string;
  readonly action: Action;
  /** Why this action was chosen. */
  readonly reasons: readonly Reason[];
  /** The content key: SHA-256 in hex. Empty if the inputs could not be read (action `blocked`). */
  readonly key: string;
  /** The tasks it needs directly. */
  readonly needs: readonly TaskId[];
  /**
   * The references under which the image is available after the run. Empty for commands, for internal images, and for tasks that
   * are not selected.
   */
  readonly tags: readonly string[];
  /** False for commands and internal images, which are never tagged for users. */
  readonly publish: boolean;
  /** The build args. Empty for a command. */
  readonly args: Readonly<Record<string, string>>;
  /** The labels that the definition sets. Empty for a command. */
  readonly labels: Readonly<Record<string, string>>;
  /** The references of the aliases that a release sets. Empty for a command. */
  readonly aliases: readonly string[];
  /** The platform, such as `linux/amd64`. Null for a command. */
  readonly platform: string | null;
  /** The build context, relative to the project root. Null for a command. */
  readonly context: string | null;
  /** The Dockerfile, relative to the project root. Null for a command, and if the definition contains the text. */
  readonly dockerfile: string | null;
  /** The target stage. Null for the last stage, and for a command. */
  readonly target: string | null;
  /** The external images that the task is built on or copies from. */
  readonly bases: readonly BaseImage[];
}

/** An external image. */
export interface BaseImage {
  /** The reference as the Dockerfile names it, with variables expanded. */
  readonly reference: string;
  /** The digest from the reference or from the lock file, `sha256:…`. Null if it is not pinned. */
  readonly digest: string | null;
}

/** The task graph: tasks and the dependencies between them. */
export interface GraphDocument {
  /** The tasks. A task comes after the tasks it needs. */
  readonly nodes: readonly GraphNode[];
  /** The dependencies between these tasks. */
  readonly edges: readonly GraphEdge[];
}

/** One task of the graph. */
export interface GraphNode {
  readonly id: TaskId;
  /** The name of the definition. */
  readonly name: string;
  readonly version: string;
  readonly action: Action;
  /** False for commands and internal images, which are never tagged for users. */
  readonly publish: boolean;
}

/** A dependency between two tasks of the graph. */
export interface GraphEdge {
  /** The task that needs the other one, or runs after it. */
  readonly from: TaskId;
  /** The task that is needed, or runs first. */
  readonly to: TaskId;
  /** `needs`: `from` uses the result of `to`. `after`: order only; `from` runs after `to` if both are planned. */
  readonly kind: 'needs' | 'after';
}
