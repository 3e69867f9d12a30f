/** Everything of the process that commands may use; made in main.ts alone. */
export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where it was started, absolute: what the arguments' paths are relative to. */
  readonly cwd: string;
  /** Makes a folder the one that relative paths start from; absolute. */
  enter(folder: string): void;
  /** Node's own `import`. */
  loadModule(url: string): Promise<unknown>;
  /** To be called by a build that found nothing to do. */
  onIdle(): void;
  /** To be called by a project of many tasks, before they are looked at. */
  onMany(): void;
  /** Absolute path of the folder with the script and the style of the page that shows graphs. */
  readonly pageFolder: string;
  /** Absolute path of the program that removes test containers when this process is gone. */
  readonly reaper: string;
  readonly programVersion: string;
  /** Changes with every change of the program; part of what derived facts are remembered under. */
  readonly programId: string;
  /** Writes to standard output. Text of others in it cannot control the terminal. */
  out(text: string): void;
  /** Writes a value to standard output as one line of JSON. */
  json(value: unknown): void;
  /** Writes to standard error, as `out`. */
  err(text: string): void;
  /** Writes a command for the CI service to standard error; whole lines, texts of others in it escaped. */
  ciCommand(text: string): void;
  /** Standard error, for the live view. */
  readonly terminal: NodeJS.WriteStream;
  readonly outIsTerminal: boolean;
  /** Of the terminal that standard output is; undefined where it is none. */
  readonly outColumns: number | undefined;
  readonly errIsTerminal: boolean;
  now(): Date;
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  readonly cores: number;
}

/** Tells a person, on standard error, of something that does not end the program. */
export function warner(io: Io): (message: string) => void {
  return (message) => io.err(`warning: ${message}\n`);
}
