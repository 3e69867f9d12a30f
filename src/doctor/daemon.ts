import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, readEngineVersion } from '../engine/api.ts';
import { dialWithClient } from '../engine/dial.ts';
import { type Environment, resolveEndpoint } from '../engine/endpoint.ts';
import { TasksError } from '../model/errors.ts';
import { readInstallState, writeInstallState } from './install-state.ts';
import { processName, processStartTime } from './proc.ts';

const pidFile = '/var/run/docker.pid';
const logFile = '/var/log/image-tasks-dockerd.log';

/**
 * Starts the docker engine without systemd, on its usual socket and with its usual folders, and waits until it answers.
 * Returns its pid and log.
 * @throws TasksError exit 3 where it ends, with its last words
 */
export async function startEngine(
  dockerd: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ pid: number; log: string }> {
  try {
    return await startOnce(dockerd, environment, signal);
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    // Of an engine that was killed a moment ago the containerd may still have been ending.
    return await startOnce(dockerd, environment, signal);
  }
}

async function startOnce(
  dockerd: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ pid: number; log: string }> {
  removeStalePid();
  const log = openSync(logFile, 'a');
  const child = spawn(dockerd, [`--pidfile=${pidFile}`, ...mtuFlags()], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...environment },
  });
  closeSync(log);
  let ended: string | undefined;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, by) => (ended ??= `it ended with ${by ?? `exit code ${code}`}`));
  const api = connect(resolveEndpoint(environment), dialWithClient(environment), { signal });
  const deadline = Date.now() + 60_000;
  while (ended === undefined && Date.now() < deadline) {
    signal.throwIfAborted();
    try {
      await readEngineVersion(api);
      child.unref();
      const pid = child.pid!;
      writeInstallState({ ...readInstallState(), engine: { pid, started: processStartTime(pid) ?? '' } });
      return { pid, log: logFile };
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
    }
    await delay(200, undefined, { signal });
  }
  if (ended === undefined && child.pid !== undefined) process.kill(child.pid, 'SIGTERM');
  const words = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
  throw new TasksError(3, `the docker engine does not start: ${ended ?? 'no answer in 60 s'}\n${words}`, {
    hint: `its log is ${logFile}`,
  });
}

/**
 * Ends the engine that was started by `startEngine`, containers included, and waits for its end. False where none runs.
 * @throws TasksError exit 3 where it does not end in 30 s
 */
export async function stopEngine(signal: AbortSignal): Promise<boolean> {
  const { engine, ...rest } = readInstallState();
  if (engine === undefined || processStartTime(engine.pid) !== engine.started) {
    if (engine !== undefined) writeInstallState(rest);
    return false;
  }
  process.kill(engine.pid, 'SIGTERM');
  const deadline = Date.now() + 30_000;
  while (processStartTime(engine.pid) === engine.started) {
    if (Date.now() > deadline) throw new TasksError(3, `the docker engine (pid ${engine.pid}) does not end`);
    await delay(100, undefined, { signal });
  }
  writeInstallState(rest);
  return true;
}

/** An engine that was killed leaves its pid behind, and the next refuses to start when another process has it. */
function removeStalePid(): void {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  // One that has ended keeps its number and name until somebody asks for its exit code.
  if (processStartTime(pid) === undefined || processName(pid) !== 'dockerd') rmSync(pidFile);
}

/** Containers whose network takes larger packets than the way out lose them: `--mtu` where that is below 1500. */
function mtuFlags(): string[] {
  const mtus = Object.keys(networkInterfaces())
    .filter((name) => /^(e|wl)/.test(name))
    .map((name) => Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8')));
  const lowest = Math.min(1500, ...mtus);
  return lowest < 1500 ? [`--mtu=${lowest}`] : [];
}
