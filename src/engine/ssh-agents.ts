import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { SshSource } from '../model/task.ts';

/** The SSH agents that builds may use. */
export interface SshAgents {
  /** Returns the socket of the agent for a source. */
  socketOf(source: SshSource): string;
  /** Ends the agents that were started. */
  close(): Promise<void>;
}

interface AgentOptions {
  readonly environment: Environment;
  /** The folder that the paths of keys are relative to. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** Milliseconds that OpenSSH's programs may take. */
const timeout = 20_000;

/**
 * Finds the user's agent, and starts an agent for each private key: OpenSSH's `ssh-agent`, which reads every kind of key.
 * @throws TasksError exit 3 if there is no agent, or a key cannot be loaded; the signal's reason
 */
export async function openSshAgents(
  sources: readonly SshSource[],
  options: AgentOptions,
): Promise<SshAgents> {
  const started = new Map<string, StartedAgent>();
  const close = async (): Promise<void> => {
    await Promise.all([...started.values()].map((agent) => agent.close()));
  };
  try {
    for (const source of sources) {
      if ('agent' in source) userAgent(options.environment);
      else if (!started.has(source.key)) started.set(source.key, await startAgent(source.key, options));
    }
  } catch (error) {
    await close();
    options.signal.throwIfAborted();
    throw error;
  }
  return {
    socketOf: (source) =>
      'agent' in source ? userAgent(options.environment) : started.get(source.key)!.socket,
    close,
  };
}

function userAgent({ SSH_AUTH_SOCK: socket }: Environment): string {
  const hint = 'start an agent with ssh-agent and ssh-add, or name a key: ssh: { default: { key: … } }';
  if (!socket) throw new TasksError(3, 'a build uses your SSH agent, but SSH_AUTH_SOCK is not set', { hint });
  if (statSync(socket, { throwIfNoEntry: false })?.isSocket() !== true)
    throw new TasksError(3, `a build uses your SSH agent, but SSH_AUTH_SOCK (${socket}) is no socket`, {
      hint,
    });
  return socket;
}

interface StartedAgent {
  readonly socket: string;
  close(): Promise<void>;
}

/**
 * Runs as the command of an agent: ends the agent, and removes its folder, when our end of the pipe closes. So neither outlives us,
 * not even after SIGKILL.
 */
const keeper = `
const { env, stdin, stdout } = process;
stdin.on('end', () => {
  require('node:fs').rmSync(require('node:path').dirname(env.SSH_AUTH_SOCK), { recursive: true, force: true });
  process.kill(Number(env.SSH_AGENT_PID));
}).resume();
stdout.write('ready');
`;

async function startAgent(key: string, options: AgentOptions): Promise<StartedAgent> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tasks-ssh-'));
  const socket = path.join(folder, 'agent');
  const child = spawn('ssh-agent', ['-a', socket, process.execPath, '-e', keeper], {
    env: pathOf(options.environment),
    stdio: ['pipe', 'pipe', 'ignore'],
    // Ctrl-C is for us: we end the agent when the builds have ended.
    detached: true,
  });
  const close = async (): Promise<void> => {
    const exit = hasEnded(child) ? undefined : once(child, 'exit');
    child.stdin.end();
    await exit;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, options.signal);
    await addKey(path.resolve(options.root, key), key, socket, options);
    return { socket, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

/** Waits until the agent's command runs. The socket exists by then. */
async function untilReady(child: ChildProcess, signal: AbortSignal): Promise<void> {
  child.stdin!.on('error', () => undefined);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
  const ready = once(child.stdout!, 'data', { signal: limit }).catch(() => {
    child.kill('SIGKILL');
    throw missing('ssh-agent', 'it does not start');
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(missing('ssh-agent', error.message)));
    child.once('exit', (code) => reject(missing('ssh-agent', `it ended with exit code ${code}`)));
  });
  // The other one may fail later, when the agent has long been in use.
  for (const each of [ready, failed]) each.catch(() => undefined);
  await Promise.race([ready, failed]);
}

async function addKey(
  file: string,
  name: string,
  socket: string,
  { environment, signal }: AgentOptions,
): Promise<void> {
  const { execa } = await import('execa');
  const result = await execa('ssh-add', ['-q', file], {
    env: { ...pathOf(environment), SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: 'never' },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
    // It has no terminal to ask for a passphrase.
    detached: true,
    timeout,
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (result.exitCode === 0) return;
  if (result.exitCode === undefined) throw missing('ssh-add', result.originalMessage ?? 'it was killed');
  const reason =
    result.stderr.trim().replaceAll('\n', '\n  ') || `ssh-add ended with exit code ${result.exitCode}`;
  throw new TasksError(3, `cannot load the SSH key ${name}:\n  ${reason}`, {
    hint: 'a key with a passphrase must be in your agent: ssh: { default: { agent: true } }',
  });
}

function missing(program: string, reason: string): TasksError {
  return new TasksError(3, `cannot run ${program}, which holds SSH keys for builds: ${reason}`, {
    hint: 'install OpenSSH’s client (openssh-client)',
  });
}

function pathOf({ PATH }: Environment): Record<string, string> {
  return PATH === undefined ? {} : { PATH };
}
