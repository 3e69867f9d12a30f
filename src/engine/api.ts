import type { RequestOptions } from 'node:http';
import { TasksError } from '../model/errors.ts';
import type { EngineImage } from '../model/ports.ts';
import { DialFailed } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { type ApiResponse, type Dial, httpGet } from './http-get.ts';
import { IdleTimeoutError, startIdleTimer, type Timeouts, timeouts } from './timeouts.ts';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** With its query, `/images/json?all=1`. */
  readonly path: string;
  /** Sent as JSON, or, bytes, as a tar archive. */
  readonly body?: object | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Undefined: the connection's own. */
  readonly signal?: AbortSignal;
  /** Gets the body as it arrives; the answer's `body` is then empty. */
  readonly onData?: (data: Buffer) => void;
  /**
   * Milliseconds that the engine may be silent. Undefined: as long as a question, or a change, takes. `any` is for what lasts
   * as long as it lasts; its caller must look whether the engine still answers (`whileAnswering`).
   */
  readonly idleTimeoutMs?: number | 'any';
}

/** The Engine API of one endpoint. */
export interface EngineApi {
  /** @throws TasksError exit 3 where the engine cannot be reached, does not answer, or ends the connection */
  request(request: ApiRequest): Promise<ApiResponse>;
  /** The same of a GET whose answer is JSON. */
  get(path: string, signal?: AbortSignal): Promise<ApiResponse>;
  readonly timeouts: Timeouts;
}

export interface ConnectOptions {
  /** Ends every request that has no signal of its own. */
  readonly signal?: AbortSignal;
  readonly timeouts?: Timeouts;
}

/** The Engine API at an endpoint. `dial` is only used for endpoints of the kind `client`. */
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

type Sent = Omit<ApiRequest, 'signal'> & { readonly signal?: AbortSignal | undefined };

async function send(endpoint: Endpoint, dial: Dial, request: Sent, limits: Timeouts): Promise<ApiResponse> {
  const {
    body,
    method = 'GET',
    signal,
    idleTimeoutMs = method === 'GET' ? limits.response : limits.change,
  } = request;
  const payload = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const { default: http } = await import('node:http');
  const type = Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json';
  return await new Promise((resolve, reject) => {
    const silence =
      idleTimeoutMs === 'any' ? undefined : startIdleTimer(idleTimeoutMs, (error) => outgoing.destroy(error));
    const fail = (error: Error): void => {
      silence?.stop();
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
            ? { 'content-type': type, 'content-length': payload.length }
            : { 'content-length': 0 }),
        },
        ...(signal !== undefined ? { signal } : {}),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (data: Buffer) => {
          silence?.heard();
          if (request.onData) request.onData(data);
          else chunks.push(data);
        });
        incoming.on('error', fail);
        incoming.on('end', () => {
          silence?.stop();
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}

/** Node heeds `createConnection` only where no agent is named, be it `false`. */
function addressOf(endpoint: Endpoint, dial: Dial): RequestOptions {
  if (endpoint.kind === 'unix') return { socketPath: endpoint.path, agent: false };
  if (endpoint.kind === 'tcp') return { host: endpoint.host, port: endpoint.port, agent: false };
  return { createConnection: dial };
}

function asTasksError(error: Error, endpoint: Endpoint): TasksError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const place = `${endpoint.url} (${endpoint.origin})`;
  if (error instanceof IdleTimeoutError) {
    return new TasksError(3, `the docker engine at ${place} does not answer (${error.message})`, {
      hint: 'restart the engine; `tasks doctor` says whether it answers again',
      cause: error,
    });
  }
  if (error instanceof DialFailed) {
    return new TasksError(3, `no docker engine answers at ${place}: ${error.message}`, {
      hint: '`docker version` should reach it with the same environment',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new TasksError(3, `no permission to talk to the docker engine at ${place}`, {
      hint: 'run as root, or join the group docker: `usermod -aG docker $USER` and log in again',
      cause: error,
    });
  }
  if (['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT', 'ENOTSOCK'].includes(code)) {
    return new TasksError(3, `no docker engine answers at ${place}`, {
      hint: '`tasks doctor` says what is missing; `tasks doctor --fix` sets one up on Debian',
      cause: error,
    });
  }
  return new TasksError(3, `the docker engine at ${place} broke off: ${error.message}`, {
    hint: '`tasks doctor`',
    cause: error,
  });
}

/** An answer's body as JSON. @throws TasksError where the status is none of a success, with the engine's own words */
export function parseResponse<T>(answer: ApiResponse, what: string): T {
  if (answer.status >= 200 && answer.status < 300) {
    return (answer.body.length === 0 ? undefined : parse(answer.body, what)) as T;
  }
  throw new TasksError(1, `the docker engine could not ${what}: ${errorMessageOf(answer)}`);
}

function parse(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new TasksError(3, `the docker engine broke off while it was to ${what}`, {
      hint: '`tasks doctor`',
      cause,
    });
  }
}

/** The engine's own words in an answer that is no success. */
export function errorMessageOf(answer: ApiResponse): string {
  const text = answer.body.toString('utf8');
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    // Not JSON: some proxies answer in plain text.
    return text || `status ${answer.status}`;
  }
}

const listTries = 10;

function isTornList(answer: ApiResponse): boolean {
  return answer.status >= 300 && /content digest .* not found/.test(errorMessageOf(answer));
}

/** All images of the engine, in one request. */
export async function listImages(api: EngineApi): Promise<EngineImage[]> {
  type Listed = {
    Id: string;
    RepoTags: string[] | null;
    Labels: Record<string, string> | null;
    Size: number;
    Created: number;
  };
  let answer = await api.get('/images/json');
  // Containerd's store fails where an image goes while it lists them.
  for (let tried = 1; tried < listTries && isTornList(answer); tried++)
    answer = await api.get('/images/json');
  const listed = parseResponse<Listed[]>(answer, 'list its images');
  return listed.map((image) => ({
    id: image.Id,
    tags: (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
    labels: image.Labels ?? {},
    bytes: image.Size,
    created: image.Created * 1000,
  }));
}

/** Whether an image has ONBUILD instructions; undefined where the engine does not have it, or has it for another platform. */
export async function readImageTriggers(
  api: EngineApi,
  reference: string,
  platform: string,
): Promise<boolean | undefined> {
  type Inspected = {
    Os: string;
    Architecture: string;
    Variant?: string;
    Config?: { OnBuild?: string[] | null };
  };
  // It stands in a request as it is.
  if (!/^[\w./:@-]+$/.test(reference)) return undefined;
  const answer = await api.get(`/images/${reference}/json`);
  if (answer.status === 404) return undefined;
  const { Os, Architecture, Variant, Config } = parseResponse<Inspected>(
    answer,
    `show the image ${reference}`,
  );
  const platforms = [`${Os}/${Architecture}`, `${Os}/${Architecture}/${Variant}`];
  return platforms.includes(platform) ? (Config?.OnBuild?.length ?? 0) > 0 : undefined;
}

/** What the engine's own BuildKit can do: heredocs came with docker 23, whose API is 1.42. */
export async function readCapabilities(api: EngineApi): Promise<{ version: string; heredocs: boolean }> {
  type Version = { Version: string; ApiVersion?: string };
  const answer = await api.request({ path: '/version' });
  const { Version, ApiVersion = '0.0' } = parseResponse<Version>(answer, 'tell its version');
  const [major = 0, minor = 0] = ApiVersion.split('.').map(Number);
  return { version: Version, heredocs: major > 1 || minor >= 42 };
}

/** The engine's version and platform. */
export async function readEngineVersion(
  api: EngineApi,
): Promise<{ version: string; os: string; arch: string }> {
  type Version = { Version: string; Os: string; Arch: string };
  const { Version, Os, Arch } = parseResponse<Version>(await api.get('/version'), 'tell its version');
  return { version: Version, os: Os, arch: Arch };
}
