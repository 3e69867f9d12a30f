/** How a build ended, as far as it decides what a person would do next. */
export interface BuildEnd {
  /** A task that failed and has a log. */
  readonly failed: string | undefined;
  readonly isInterrupted: boolean;
  /** True: an image was built that has a test. */
  readonly isTestable: boolean;
}

/**
 * The next command that makes sense after a build, and what for; undefined where there is none. `flags` and `selectors`:
 * what the build was told of which project and tasks it is for.
 */
export function nextCommand(
  ended: BuildEnd,
  flags: readonly string[],
  selectors: readonly string[],
): string | undefined {
  const call = (command: string, names = selectors): string =>
    ['tasks', ...flags, command, ...names].map(quote).join(' ');
  if (ended.isInterrupted) return `${call('build')}   goes on; what was finished is kept`;
  if (ended.failed !== undefined) return `${call('logs', [ended.failed])}   shows all of its output`;
  return ended.isTestable ? `${call('test')}   tests what was built` : undefined;
}

/** As a shell would need it. */
function quote(text: string): string {
  return /^[\w.:+/@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
