import type { RequestOptions } from 'node:http';
import { TasksError } from '../model/errors.ts';
import { DialFailed } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { type ApiResponse, type Dial, httpGet } from './http-get.ts';
import { IdleTimeoutError, startIdleTimer, type Timeouts, timeouts } from './timeouts.ts';

/** A request to the Engine API. */
export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** With the query string: `/images/json?all=1`. */
  readonly path: string;
  /** An object is sent as JSON, a buffer as a tar archive. */
  readonly body?: object | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** The default is the signal that `connect` got. */
  readonly signal?: AbortSignal;
  /** Receives the body as it arrives; the `body` of the response is then empty. */
  readonly onData?: (data: Buffer) => void;
  /**
   * Milliseconds without a byte after which the request fails. The default is `timeouts.response` for GET and `timeouts.change`
   * for the other methods. `none` is for requests of unknown length; the caller wraps them in `withLivenessCheck`.
   */
  readonly idleTimeoutMs?: number | 'none';
}

/** The Engine API of one endpoint. */
export interface EngineApi {
  /** @throws TasksError exit 3 if the engine cannot be reached, does not respond, or closes the connection */
  request(request: ApiRequest): Promise<ApiResponse>;
  /** Sends a GET request whose response is JSON; throws as `request` does. */
  get(path: string, signal?: AbortSignal): Promise<ApiResponse>;
  readonly timeouts: Timeouts;
}

export interface ConnectOptions {
  /** Aborts every request that has no signal of its own. */
  readonly signal?: AbortSignal;
  readonly timeouts?: Timeouts;
}

/** Returns the Engine API of an endpoint; opens no connection yet. `dial` is used only for endpoints of kind `client`. */
export function connect(endpoint: Endpoint, dial: Dial, options: ConnectOptions = {}): EngineApi {
  const limits = options.timeouts ?? timeouts;
  return {
    timeouts: limits,
    request: (request) => send(endpoint, dial, { signal: options.signal, ...request }, limits),
    get: async (path, signal = options.signal) => {
      try {
        return await httpGet(endpoint, dial, path, { idleTimeoutMs: limits.response, signal });
      } catch (error) {
        throw signal?.aborted ? signal.reason : asTasksError(error as Error, endpoint);
      }
    },
  };
}

type RequestToSend = Omit<ApiRequest, 'signal'> & { readonly signal?: AbortSignal | undefined };

async function send(
  endpoint: Endpoint,
  dial: Dial,
  request: RequestToSend,
  limits: Timeouts,
): Promise<ApiResponse> {
  const {
    body,
    method = 'GET',
    signal,
    idleTimeoutMs = method === 'GET' ? limits.response : limits.change,
  } = request;
  const payload = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const { default: http } = await import('node:http');
  const contentType = Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json';
  return await new Promise((resolve, reject) => {
    const idleTimer =
      idleTimeoutMs === 'none'
        ? undefined
        : startIdleTimer(idleTimeoutMs, (error) => outgoing.destroy(error));
    const fail = (error: Error): void => {
      idleTimer?.stop();
      reject(signal?.aborted ? signal.reason : asTasksError(error, endpoint));
    };
    const outgoing = http.request(
      {
        ...addressOf(endpoint, dial),
        method,
        path: request.path,
        headers: {
          host: 'docker',
          connection: 'close',
          ...request.headers,
          ...(payload !== undefined
            ? { 'content-type': contentType, 'content-length': payload.length }
            : { 'content-length': 0 }),
        },
        ...(signal !== undefined ? { signal } : {}),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (data: Buffer) => {
          idleTimer?.reset();
          if (request.onData) request.onData(data);
          else chunks.push(data);
        });
        incoming.on('error', fail);
        incoming.on('end', () => {
          idleTimer?.stop();
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}

/** Node uses `createConnection` only if the option `agent` is absent; even `agent: false` disables it. */
function addressOf(endpoint: Endpoint, dial: Dial): RequestOptions {
  if (endpoint.kind === 'unix') return { socketPath: endpoint.path, agent: false };
  if (endpoint.kind === 'tcp') return { host: endpoint.host, port: endpoint.port, agent: false };
  return { createConnection: dial };
}

function asTasksError(error: Error, endpoint: Endpoint): TasksError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const address = `${endpoint.url} (${endpoint.origin})`;
  if (error instanceof IdleTimeoutError) {
    return new TasksError(3, `the docker engine at ${address} is not responding (${error.message})`, {
      hint: 'restart the engine, then run `tasks doctor` to check it',
      cause: error,
    });
  }
  if (error instanceof DialFailed) {
    return new TasksError(3, `cannot connect to the docker engine at ${address}: ${error.message}`, {
      hint: 'run `docker version` in the same environment; it must be able to connect',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new TasksError(3, `no permission to connect to the docker engine at ${address}`, {
      hint: 'run tasks as root, or run `sudo usermod -aG docker $USER` and log in again',
      cause: error,
    });
  }
  if (['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT', 'ENOTSOCK'].includes(code)) {
    return new TasksError(3, `cannot connect to the docker engine at ${address}`, {
      hint: 'run `tasks doctor` to see what is missing; on Debian, `tasks doctor --fix` installs and starts an engine',
      cause: error,
    });
  }
  return new TasksError(3, `lost the connection to the docker engine at ${address}: ${error.message}`, {
    hint: 'run `tasks doctor`',
    cause: error,
  });
}

/**
 * Parses the JSON body of a response; an empty body is undefined. `action` completes the message "the docker engine could not …".
 * @throws TasksError exit 1 with the engine's message if the status is not 2xx; exit 3 if the body is not complete JSON
 */
export function parseResponse<T>(response: ApiResponse, action: string): T {
  if (response.status >= 200 && response.status < 300) {
    return (response.body.length === 0 ? undefined : parse(response.body, action)) as T;
  }
  throw new TasksError(1, `the docker engine could not ${action}: ${errorMessageOf(response)}`);
}

function parse(body: Buffer, action: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new TasksError(3, `the docker engine could not ${action}: its response ended early`, {
      hint: 'run `tasks doctor`',
      cause,
    });
  }
}

/** Returns the engine's error message from a response whose status is not 2xx. */
export function errorMessageOf(response: ApiResponse): string {
  const text = response.body.toString('utf8');
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    // Not JSON: some proxies respond in plain text.
    return text || `status ${response.status}`;
  }
}
