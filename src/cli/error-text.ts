import type { TasksError } from '../model/errors.ts';

/** How the user starts `tasks` on the project at hand: commands in messages begin like that, so that they can be pasted. */
export interface OwnCommand {
  /** Returns a message with each command of ours as the user would type it. Messages write it in backticks, or after `next: `. */
  pasteable(text: string): string;
  /** Returns examples with the program as the user would type it; they are about no project in particular. */
  examples(text: string): string;
}

/** Returns what a person reads about an error. */
export function errorText(
  { message, hint }: Pick<TasksError, 'message' | 'hint'>,
  { pasteable }: Pick<OwnCommand, 'pasteable'>,
): string {
  return pasteable(`error: ${message}\n${hint !== undefined ? `hint: ${hint}\n` : ''}`);
}
