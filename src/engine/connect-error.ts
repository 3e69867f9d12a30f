import { EngineUnavailable, TasksError } from '../model/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { DialFailed } from './stdio-transport.ts';
import { IdleTimeoutError } from './timeouts.ts';
import { explainTlsError } from './tls-error.ts';

/** Returns the engine's address for messages, with where it comes from. */
export function describeEndpoint({ url, origin }: Endpoint): string {
  return `${url} (${origin})`;
}

/** Returns the error to report, with exit code 3, for an error of a connection to an engine. */
export function connectError(error: Error, endpoint: Endpoint): TasksError {
  if (error instanceof TasksError) return error;
  const address = describeEndpoint(endpoint);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error instanceof IdleTimeoutError) {
    return new EngineUnavailable(`the docker engine at ${address} is not responding (${error.message})`, {
      hint: 'restart the engine, then run `tasks doctor` to check it',
      cause: error,
    });
  }
  if (error instanceof DialFailed) {
    const what = error.wasConnected ? 'lost the connection' : 'cannot connect';
    return new EngineUnavailable(`${what} to the docker engine at ${address}: ${error.message}`, {
      hint: 'check that `ssh` to this host works without a question, and that docker is installed there',
      cause: error,
    });
  }
  const tlsProblem = endpoint.kind === 'tls' ? explainTlsError(error, endpoint.tls) : undefined;
  if (tlsProblem !== undefined) {
    const { message, hint } = tlsProblem;
    return new EngineUnavailable(`cannot connect to the docker engine at ${address}: ${message}`, {
      hint,
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new EngineUnavailable(`no permission to connect to the docker engine at ${address}`, {
      hint: 'run the program as root, or run `sudo usermod -aG docker $USER` and log in again',
      cause: error,
    });
  }
  if (['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT', 'ENOTSOCK'].includes(code)) {
    return new EngineUnavailable(`cannot connect to the docker engine at ${address}`, {
      hint: 'run `tasks doctor` to see what is missing; on Debian, `tasks doctor --fix` installs and starts an engine',
      cause: error,
    });
  }
  return new EngineUnavailable(`lost the connection to the docker engine at ${address}: ${error.message}`, {
    hint: 'run `tasks doctor`',
    cause: error,
  });
}
