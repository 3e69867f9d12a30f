import { spawn } from 'node:child_process';
import type { Environment } from '../model/environment.ts';

/** How long a helper may take, in milliseconds: it may have to call a cloud provider. */
const defaultTimeoutMs = 30_000;
/** Credentials are shorter. */
const maxOutput = 1 << 20;

/** What a helper printed, and why it failed, if it did. */
export interface HelperResult {
  readonly output: string;
  readonly failure?: string;
}

/**
 * Runs a credential helper, which reads the host from standard input. It gets its own process group, so that its child
 * processes can be killed with it; otherwise they could keep its output open.
 * @throws the signal's reason
 */
export async function runCredentialHelper(
  program: string,
  host: string,
  environment: Environment,
  signal?: AbortSignal,
  timeoutMs = defaultTimeoutMs,
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
    const timer = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    child.on('error', () => end('it cannot be run'));
    // A helper may exit without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > maxOutput) end('too much output');
    });
    child.on('exit', (code, signalName) => {
      // Read the output to its end. Kill remaining child processes first, because they could keep it open.
      const done = (): void =>
        end(code === 0 ? undefined : code === null ? `killed by ${signalName}` : `exit code ${code}`);
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
    // The whole group has exited.
  }
}
