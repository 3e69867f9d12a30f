import type { TaskId } from '../model/task.ts';

/** Something that a person should know and that is not an error. */
export type Notice =
  /** Something went wrong that the command can do without. */
  | { readonly kind: 'warning'; readonly message: string }
  /** The engine did not answer: the plan assumes that it has no images. */
  | { readonly kind: 'engine-unavailable'; readonly message: string }
  /** The registry did not answer: the plan assumes that it has no images. */
  | { readonly kind: 'registry-unavailable'; readonly message: string }
  /** The registry is to be asked, but no repository is named. */
  | { readonly kind: 'no-repository' }
  /** It is unknown whether a base image has ONBUILD instructions: all files of the context are part of the keys of tasks built on it. */
  | { readonly kind: 'onbuild-unknown'; readonly image: string; readonly message: string }
  /** Another tasks process is building this task. */
  | { readonly kind: 'waiting'; readonly task: TaskId; readonly pid?: number }
  /** A moving tag stays where it is. */
  | { readonly kind: 'alias-kept'; readonly message: string }
  /** Tags of an earlier or of this publication are completed or rolled back. */
  | { readonly kind: 'publication'; readonly message: string }
  /** Another machine was first with an image of the same key. */
  | { readonly kind: 'planning-again' }
  /** A selected task is not published, because its failure is allowed. */
  | { readonly kind: 'left-out'; readonly task: TaskId; readonly reason: string };

export type Notify = (notice: Notice) => void;

/** Returns a function that reports warnings as notices. */
export function warnWith(notify: Notify): (message: string) => void {
  return (message) => notify({ kind: 'warning', message });
}
