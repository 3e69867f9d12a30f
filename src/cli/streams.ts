import { disarmCiCommands, sanitizeColored } from '../report/sanitize.ts';

/** Why a stream accepts no more text: its reader is gone, or the text cannot be stored (a full disk). */
export interface StreamFailure {
  readonly stream: 'stdout' | 'stderr';
  readonly isReaderGone: boolean;
  readonly message: string;
}

/** Standard output or standard error. */
export interface SafeStream {
  /** Writes text that may contain foreign text: it cannot control the terminal or the CI service. */
  write(text: string): void;
  /** Writes text unchanged: JSON with escaped strings, or a command for the CI service. */
  writeRaw(text: string): void;
  /** The stream itself, for the live view, which writes only sanitized text. */
  readonly stream: NodeJS.WriteStream;
}

/** Error codes of a stream whose reader is gone: a closed pipe, a closed terminal. */
const readerGone = new Set([
  'EPIPE',
  'EIO',
  'ECONNRESET',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/**
 * Returns a standard stream that is opened by the first write, since opening takes a millisecond. After an error nothing more is
 * written, and `onFailure` is called once. `obeysCommands`: a CI service looks for commands in the text.
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

/** Whether a CI service obeys commands in the output of a step: GitHub Actions and compatible ones, Azure Pipelines, TeamCity. */
export function obeysCommands(environment: Readonly<Record<string, string | undefined>>): boolean {
  return ['GITHUB_ACTIONS', 'TF_BUILD', 'TEAMCITY_VERSION'].some((name) => environment[name]);
}
