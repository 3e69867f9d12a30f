import { setTimeout as delay } from 'node:timers/promises';
import type { EngineApi } from './api.ts';

/**
 * Runs work of unknown length and pings the engine meanwhile, so that a hung engine ends it. The signal that `work` gets
 * aborts with `signal`, or when two pings in a row fail.
 * @throws what `work` throws; the signal's reason; TasksError exit 3 if the engine stops responding
 */
export async function withLivenessCheck<T>(
  api: EngineApi,
  signal: AbortSignal,
  work: (workSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [engineLost, finished] = [new AbortController(), new AbortController()];
  const workSignal = AbortSignal.any([signal, engineLost.signal]);
  const pinging = pingUntilLost(api, engineLost, AbortSignal.any([workSignal, finished.signal]));
  try {
    const result = await work(workSignal);
    workSignal.throwIfAborted();
    return result;
  } catch (error) {
    throw workSignal.aborted ? workSignal.reason : error;
  } finally {
    finished.abort();
    await pinging;
  }
}

async function pingUntilLost(
  api: EngineApi,
  engineLost: AbortController,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; ; ) {
    try {
      await delay(api.timeouts.pingInterval, undefined, { signal, ref: false });
      await api.get('/_ping', signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      // A single request can get lost.
      if (failures > 1) engineLost.abort(error);
    }
  }
}
