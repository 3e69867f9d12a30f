import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { connectError, describeEndpoint } from './connect-error.ts';
import type { Endpoint } from './endpoint.ts';
import type { ConnectionOptions } from './http-connections.ts';
import { type ApiResponse, httpRequest } from './http-request.ts';
import { startIdleTimer, type Timeouts, timeouts } from './timeouts.ts';
import { dialerOf } from './transport.ts';

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
  /** Sends a POST request without a body; throws as `request` does. The response must not be long. */
  post(path: string, signal?: AbortSignal): Promise<ApiResponse>;
  readonly timeouts: Timeouts;
  /** The address of the engine and where it comes from, for messages. */
  readonly address: string;
}

export interface ConnectOptions {
  /** Aborts every request that has no signal of its own. */
  readonly signal?: AbortSignal;
  readonly timeouts?: Timeouts;
}

/** Returns the Engine API of an endpoint; opens no connection yet. */
export function connect(
  endpoint: Endpoint,
  environment: Environment,
  options: ConnectOptions = {},
): EngineApi {
  const limits = options.timeouts ?? timeouts;
  const dial = dialerOf(endpoint, environment);
  let connections: ConnectionOptions | undefined;
  const request = async (given: ApiRequest): Promise<ApiResponse> => {
    const signal = given.signal ?? options.signal;
    try {
      const { connectionPerRequest, reusedConnections } = await import('./http-connections.ts');
      connections ??= endpoint.kind === 'ssh' ? reusedConnections(dial) : connectionPerRequest(dial);
      return await send({ ...given, signal }, limits, connections);
    } catch (error) {
      throw signal?.aborted ? signal.reason : connectError(error as Error, endpoint);
    }
  };
  const sendBodiless = async (
    method: 'GET' | 'POST',
    path: string,
    idleTimeoutMs: number,
    signal = options.signal,
  ): Promise<ApiResponse> => {
    // Starting ssh takes longer than loading Node's HTTP client.
    if (endpoint.kind === 'ssh')
      return await request({ method, path, ...(signal === undefined ? {} : { signal }) });
    try {
      return await httpRequest(dial, method, path, { idleTimeoutMs, signal });
    } catch (error) {
      throw signal?.aborted ? signal.reason : connectError(error as Error, endpoint);
    }
  };
  return {
    timeouts: limits,
    address: describeEndpoint(endpoint),
    request,
    get: (path, signal) => sendBodiless('GET', path, limits.response, signal),
    post: (path, signal) => sendBodiless('POST', path, limits.change, signal),
  };
}

type RequestToSend = Omit<ApiRequest, 'signal'> & { readonly signal: AbortSignal | undefined };

async function send(
  { body, method = 'GET', signal, ...request }: RequestToSend,
  limits: Timeouts,
  connections: ConnectionOptions,
): Promise<ApiResponse> {
  const { idleTimeoutMs = method === 'GET' ? limits.response : limits.change } = request;
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
      reject(error);
    };
    const outgoing = http.request(
      {
        ...connections,
        method,
        path: request.path,
        headers: {
          host: 'docker',
          ...(connections.agent === undefined ? { connection: 'close' } : {}),
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

/**
 * Parses the JSON body of a response; an empty body is undefined. `action` completes the message "the docker engine could not …".
 * @throws TasksError exit 1 with the engine's message if the status is not 2xx; exit 3 if the body is not complete JSON
 */
export function parseResponse<T>(response: ApiResponse, action: string): T {
  if (response.status >= 200 && response.status < 300) {
    return (response.body.length === 0 ? undefined : parse(response.body, action)) as T;
  }
  const message = `the docker engine could not ${action}: ${errorMessageOf(response)}`;
  // Go's servers answer plain HTTP so (net/http server.go).
  if (response.status === 400 && /HTTP request to an HTTPS server/.test(message)) {
    throw new TasksError(3, message, {
      hint: 'set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem',
    });
  }
  throw new TasksError(1, message);
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
