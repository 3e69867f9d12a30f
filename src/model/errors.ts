/**
 * 1: a task, test or push failed. 2: the usage or a definition is wrong. 3: the machine is not ready. 130: interrupted.
 * 143: terminated.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 130 | 143;

/** An error that the user can act on. `message` says what happened, `hint` what to do. */
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

/** A selector matches no task. Exit code 2. */
export class UnknownSelector extends TasksError {
  readonly selector: string;

  constructor(selector: string, hint: string) {
    super(2, `no task matches the selector "${selector}"`, { hint });
    this.selector = selector;
  }
}

/** The engine cannot be reached, is gone, or does not respond. Exit code 3. */
export class EngineUnavailable extends TasksError {
  constructor(message: string, options: { hint: string; cause: unknown }) {
    super(3, message, options);
  }
}

/**
 * Turns an operating system error (full disk, no permission, a folder in place of a file) into an error that the user can
 * act on. Returns undefined for any other error.
 */
export function fromSystemError(error: unknown): TasksError | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TasksError(3, `no space left on device${path === undefined ? '' : `: ${path}`}`, {
      hint: "check `df -h`; `docker builder prune` frees BuildKit's cache",
      cause: error,
    });
  }
  return new TasksError(3, error.message, {
    hint: 'make .cache in the project a folder that you can write to',
    cause: error,
  });
}

/** A place in a text file of the project, to be shown with its line. */
export interface SourcePlace {
  /** Relative to the project root. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** The number of UTF-16 units that are meant, on this line; at least 1. */
  readonly length: number;
  /** The whole line, without its end. */
  readonly text: string;
}

/** One error in the definitions: its location, what was found, and what was expected. */
export interface Problem {
  /** The file of the definition, relative to the project root. */
  readonly file: string;
  /** The exact place, if it is known; it may be in another file, such as the Dockerfile of the definition. */
  readonly place?: SourcePlace;
  /** The definition's name, or the name of its export if it has none. */
  readonly definition?: string;
  /** The name of its export, where more than one definition may have its name. */
  readonly exportName?: string;
  readonly field?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly hint?: string;
}

/** All errors found in the definitions. Exit code 2. */
export class DefinitionError extends TasksError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(2, problems.map(describeProblem).join('\n\n'));
    this.problems = problems;
  }
}

/** Returns where a problem is, in one line: `tasks/images.ts:7:3 › app › context`. */
export function problemTitle({ file, place, definition, field }: Problem): string {
  const position = place === undefined ? file : `${place.file}:${place.line}:${place.column}`;
  return [position, definition, field].filter(Boolean).join(' › ');
}

function describeProblem(problem: Problem): string {
  const rows = [`${problemTitle(problem)}: ${problem.message}`];
  if (problem.found !== undefined) rows.push(`  found:    ${problem.found}`);
  if (problem.expected !== undefined) rows.push(`  expected: ${problem.expected}`);
  if (problem.hint !== undefined) rows.push(`  hint:     ${problem.hint}`);
  return rows.join('\n');
}
