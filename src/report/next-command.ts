import { shellWord } from '../model/shell-word.ts';

/** The parts of a build's result that decide which command to suggest next. */
export interface BuildEnd {
  /** The ID of a failed task that has a log. */
  readonly failed: string | undefined;
  readonly isInterrupted: boolean;
  /** True if an image was built that has a test. */
  readonly isTestable: boolean;
}

/**
 * Returns the command to suggest after a build, with a comment that says what it does, or undefined if there is none.
 * `selectors`: those of the build.
 */
export function nextCommand(build: BuildEnd, selectors: readonly string[]): string | undefined {
  const format = (command: string, names = selectors): string =>
    ['tasks', command, ...names].map(shellWord).join(' ');
  if (build.isInterrupted) return `${format('build')}   # resumes; finished tasks are kept`;
  if (build.failed !== undefined) return `${format('logs', [build.failed])}   # shows the full output`;
  return build.isTestable ? `${format('test')}   # tests what was built` : undefined;
}
