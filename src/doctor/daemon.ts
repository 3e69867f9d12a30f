import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../engine/api.ts';
import { resolveEndpoint } from '../engine/endpoint.ts';
import { readEngineVersion } from '../engine/queries.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { readInstallState, writeInstallState } from './install-state.ts';
import { processName, processStartTime } from './proc.ts';

const pidFile = '/var/run/docker.pid';
const logFile = '/var/log/image-tasks-dockerd.log';

/**
 * Starts the docker engine without systemd, with its default socket and folders, and waits until it responds.
 * Returns its pid and the path of its log.
 * @throws TasksError exit 3 with the end of its log if it exits or does not respond within 60 s
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
    // If an engine was killed a moment ago, its containerd may have been shutting down. Retry once.
    return await startOnce(dockerd, environment, signal);
  }
}

async function startOnce(
  dockerd: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ pid: number; log: string }> {
  removeStalePidFile();
  const log = openSync(logFile, 'a');
  const child = spawn(dockerd, [`--pidfile=${pidFile}`, ...mtuFlags()], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...environment },
  });
  closeSync(log);
  let failure: string | undefined;
  child.on('error', (error) => (failure = error.message));
  child.on('exit', (code, killSignal) => {
    failure ??= killSignal === null ? `it failed with exit code ${code}` : `it was killed by ${killSignal}`;
  });
  const api = connect(resolveEndpoint(environment), environment, { signal });
  const deadline = Date.now() + 60_000;
  while (failure === undefined && Date.now() < deadline) {
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
  if (failure === undefined && child.pid !== undefined) process.kill(child.pid, 'SIGTERM');
  const lastLines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
  throw new TasksError(
    3,
    `cannot start the docker engine: ${failure ?? 'no response in 60 s'}\n${lastLines}`,
    { hint: `read its log: ${logFile}` },
  );
}

/**
 * Stops the engine that `startEngine` started, including its containers, and waits until it has exited. Returns false if it is
 * not running.
 * @throws TasksError exit 3 if it does not exit within 30 s
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
    if (Date.now() > deadline)
      throw new TasksError(3, `the docker engine (pid ${engine.pid}) did not stop within 30 s`);
    await delay(100, undefined, { signal });
  }
  writeInstallState(rest);
  return true;
}

/** A killed engine leaves its pid file, and the next one refuses to start if another process has that pid. */
function removeStalePidFile(): void {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  // A zombie process still has the name dockerd, but no start time.
  if (processStartTime(pid) === undefined || processName(pid) !== 'dockerd') rmSync(pidFile);
}

/** Returns `--mtu` if the network's MTU is below 1500: larger packets from containers would be dropped. */
function mtuFlags(): string[] {
  const mtus = Object.keys(networkInterfaces())
    .filter((name) => /^(e|wl)/.test(name))
    .map((name) => Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8')));
  const lowest = Math.min(1500, ...mtus);
  return lowest < 1500 ? [`--mtu=${lowest}`] : [];
}
