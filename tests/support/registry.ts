import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { tempFolder, writeFiles } from './temp.ts';

export const hasRegistry = spawnSync('docker-registry', ['--version']).status === 0;

/** The only user of a registry that was started with `auth`. */
export const user = { username: 'me', password: 's3cret-pw' };

export interface RegistryOptions {
  /** True to allow only `user`. */
  readonly auth?: boolean;
  readonly deletes?: boolean;
  /** Where it stores everything; a registry that is started in the same folder has the same contents. */
  readonly folder?: string;
  readonly port?: number;
}

export interface RealRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly folder: string;
  readonly options: RegistryOptions;
  /** Pushes a blob to a repository without the code under test. */
  putBlob(repository: string, bytes: Buffer): Promise<void>;
  /** Kills the registry; resolves when its process has exited. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a real registry (Debian's docker-registry) on loopback; resolves when it responds. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RealRegistry> {
  const folder = options.folder ?? tempFolder();
  for (let tries = 1; ; tries++) {
    const host = `127.0.0.1:${options.port ?? (await freePort())}`;
    const child = serve(folder, host, options);
    if (await isReady(child, host)) return registryOf(child, host, folder, options);
    await end(child);
    // Another process may have taken the port in the meantime.
    if (tries === 5) throw new Error(`no docker-registry could be started at ${host}`);
  }
}

/** Starts a stopped registry again, with the same port and folder unless `changed` says otherwise. */
export async function restart(registry: RealRegistry, changed: RegistryOptions = {}): Promise<RealRegistry> {
  const port = Number(registry.host.split(':')[1]);
  return await startRegistry({ ...registry.options, folder: registry.folder, port, ...changed });
}

function serve(
  folder: string,
  host: string,
  { auth = false, deletes = false }: RegistryOptions,
): ChildProcess {
  // The password's bcrypt hash; the registry supports no other kind.
  const hash = '$2b$05$fxOUIDYV07rs27GmqgZUeONDrpQIZ7ScGSfvROBRaw9PwuUiCAU1i';
  writeFiles(folder, { htpasswd: `${user.username}:${hash}\n` });
  const config = path.join(folder, 'config.yml');
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: path.join(folder, 'data') },
      delete: { enabled: deletes },
    },
    // Relative URLs work behind a proxy. A fixed secret keeps upload sessions valid after a restart.
    http: { addr: host, relativeurls: true, secret: 'known' },
    ...(auth ? { auth: { htpasswd: { realm: 'r', path: path.join(folder, 'htpasswd') } } } : {}),
  };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(settings));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.unref();
  return child;
}

/** Waits until the registry responds. Returns false if it exited or timed out. */
async function isReady(child: ChildProcess, host: string): Promise<boolean> {
  const until = Date.now() + 20_000;
  while (running.has(child) && Date.now() < until) {
    try {
      const response = await fetch(`http://${host}/v2/`, {
        signal: AbortSignal.timeout(2_000),
        headers: { connection: 'close' },
      });
      await response.arrayBuffer();
      return running.has(child);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const ended = once(child, 'exit');
  // SIGKILL, because on SIGTERM it waits for open connections.
  child.kill('SIGKILL');
  await ended;
}

function registryOf(
  child: ChildProcess,
  host: string,
  folder: string,
  options: RegistryOptions,
): RealRegistry {
  const { username, password } = user;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const send = async (method: string, url: string, body?: Buffer): Promise<Response> => {
    const headers = { connection: 'close', ...(options.auth ? { authorization } : {}) };
    const response = await fetch(url, { method, headers, ...(body ? { body } : {}) });
    await response.arrayBuffer();
    return response;
  };
  return {
    host,
    folder,
    options,
    async putBlob(repository, bytes) {
      const base = `http://${host}/v2/${repository}/blobs/uploads/`;
      const session = await send('POST', base);
      const url = new URL(session.headers.get('location')!, base);
      url.searchParams.set('digest', `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
      const { status } = await send('PUT', url.href, bytes);
      if (status !== 201) throw new Error(`the registry returned ${status} for an upload`);
    },
    stop: () => end(child),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
