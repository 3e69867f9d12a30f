import { disarmCiCommands, sanitizeColored } from '../report/sanitize.ts';

/** Why a stream takes no more text: its reader went away, or the text cannot be stored (a full disk). */
export interface StreamFailure {
  readonly stream: 'stdout' | 'stderr';
  readonly isReaderGone: boolean;
  readonly message: string;
}

/** One of the two standard streams. */
export interface SafeStream {
  /** Writes text that may contain text of others: it cannot control the terminal or the CI service. */
  write(text: string): void;
  /** Writes text as it is: JSON whose strings are escaped, or a command for the CI service. */
  writeRaw(text: string): void;
  /** The stream itself, for the live view, which writes only text that is clean already. */
  readonly stream: NodeJS.WriteStream;
}

/** What a stream reports where its reader went away: a closed pipe, a terminal that was closed. */
const readerGone = new Set([
  'EPIPE',
  'EIO',
  'ECONNRESET',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/**
 * Opens a standard stream at the first write, since that takes a millisecond. After an error nothing more is written, and
 * `onFailure` is called once. `obeysCommands`: a CI service looks for commands in what is written.
 */
export function safeStream(
  name: 'stdout' | 'stderr',
  obeysCommands: boolean,
  onFailure: (failure: StreamFailure) => void,
): SafeStream {
  let opened: NodeJS.WriteStream | undefined;
  let hasFailed = false;
  const open = (): NodeJS.WriteStream => {
    if (opened !== undefined) return opened;
    opened = process[name];
    opened.on('error', (error: NodeJS.ErrnoException) => {
      if (hasFailed) return;
      hasFailed = true;
      onFailure({ stream: name, isReaderGone: readerGone.has(error.code ?? ''), message: error.message });
    });
    return opened;
  };
  const writeRaw = (text: string): void => {
    if (!hasFailed) open().write(text);
  };
  return {
    write: (text) => {
      const safe = sanitizeColored(text);
      writeRaw(obeysCommands ? disarmCiCommands(safe) : safe);
    },
    writeRaw,
    get stream() {
      return open();
    },
  };
}

/** True where a CI service obeys commands in what a step prints: GitHub Actions and its kind, Azure Pipelines, TeamCity. */
export function obeysCommands(environment: Readonly<Record<string, string | undefined>>): boolean {
  return ['GITHUB_ACTIONS', 'TF_BUILD', 'TEAMCITY_VERSION'].some((name) => environment[name]);
}
