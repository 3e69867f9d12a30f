import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tempFolder } from './temp.ts';

/** Why Redis cannot be started on this machine; undefined if it can. */
export const redisUnavailable =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'there is no redis-server';

/** Returns a free port of the loopback interface. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A running Redis server. */
export interface Redis {
  readonly url: string;
  /** Runs `redis-cli` and returns its output. */
  cli(...command: string[]): string;
  /** Stops the process: it still accepts connections, but does not respond. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** Starts an in-memory Redis server on the loopback interface. */
export async function startRedis(password: string): Promise<Redis> {
  const port = await freePort();
  const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--requirepass', password];
  const child = spawn('redis-server', flags, { cwd: tempFolder(), stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const text of child.stdout) if (`${text}`.includes('Ready to accept connections')) break;
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    cli: (...command) =>
      spawnSync('redis-cli', [
        '-p',
        `${port}`,
        '--no-auth-warning',
        '-a',
        password,
        ...command,
      ]).stdout.toString(),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async close() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
