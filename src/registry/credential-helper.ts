import { spawn } from 'node:child_process';

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds that a helper may take: it may have to ask a cloud. */
const limitMs = 30_000;
/** Credentials are shorter. */
const most = 1 << 20;

/** What a helper printed, and what went wrong with it. */
export interface HelperResult {
  readonly output: string;
  readonly failure?: string;
}

/**
 * Runs a credential helper, which is told a host on its standard input. It leads a process group of its own, so that what it
 * started ends with it: a child would hold its output open.
 * @throws the signal's reason
 */
export async function runCredentialHelper(
  program: string,
  host: string,
  environment: Environment,
  signal?: AbortSignal,
  limit = limitMs,
): Promise<HelperResult> {
  signal?.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    let output = '';
    const end = (failure?: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      child.stdout.destroy();
      if (child.exitCode === null && child.signalCode === null) killGroup(child.pid);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve({ output, ...(failure !== undefined ? { failure } : {}) });
    };
    const onAbort = (): void => end();
    const timer = setTimeout(() => end(`did not answer within ${limit / 1000} s`), limit);
    signal?.addEventListener('abort', onAbort, { once: true });
    child.on('error', () => end('cannot be run'));
    // It may not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > most) end('answers without end');
    });
    child.on('exit', (code, signalName) => {
      // What it wrote is read to its end, unless something that it left holds that open.
      const done = (): void =>
        end(code === 0 ? undefined : `ended with ${code === null ? signalName : `exit code ${code}`}`);
      if (child.stdout.readableEnded) done();
      else {
        child.stdout.once('end', done);
        killGroup(child.pid);
      }
    });
    child.stdin.end(host);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
