/**
 * 1: a task, test or push failed. 2: usage or definition wrong. 3: the machine is not ready. 130: interrupted. 143:
 * terminated.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 130 | 143;

/** An error that a person can act on: what happened, and what to do about it. */
export class TasksError extends Error {
  override readonly name = 'TasksError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = exitCode;
    this.hint = options.hint;
  }
}

/**
 * An error of the operating system (full disk, no permission, a folder where a file should be) as one that a person can
 * act on; undefined for anything else.
 */
export function fromSystemError(error: unknown): TasksError | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TasksError(3, `no space left on the device${path === undefined ? '' : `, at ${path}`}`, {
      hint: "see `df -h`; `docker builder prune` frees BuildKit's cache",
      cause: error,
    });
  }
  return new TasksError(3, error.message, {
    hint: '.cache in the project must be a folder that you may write to',
    cause: error,
  });
}

/** One fault in the definitions: where it stands, what was found, what was expected. */
export interface Problem {
  readonly file: string;
  /** The definition's name, or the export's where it has none. */
  readonly definition?: string;
  readonly field?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly hint?: string;
}

/** All faults found in the definitions, together. Exit code 2. */
export class DefinitionError extends TasksError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(2, problems.map(describeProblem).join('\n\n'));
    this.problems = problems;
  }
}

function describeProblem(problem: Problem): string {
  const place = [problem.file, problem.definition, problem.field].filter(Boolean).join(' › ');
  const rows = [`${place}: ${problem.message}`];
  if (problem.found !== undefined) rows.push(`  found:    ${problem.found}`);
  if (problem.expected !== undefined) rows.push(`  expected: ${problem.expected}`);
  if (problem.hint !== undefined) rows.push(`  hint:     ${problem.hint}`);
  return rows.join('\n');
}
