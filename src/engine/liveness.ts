import { setTimeout as delay } from 'node:timers/promises';
import type { EngineApi } from './api.ts';

/**
 * Does something that may take as long as it likes, as long as the engine answers besides: an engine that hangs would never
 * end it. `work` gets a signal that also ends when the engine has not answered twice.
 * @throws what `work` throws; the signal's reason; TasksError exit 3 where the engine does not answer
 */
export async function withLivenessCheck<T>(
  api: EngineApi,
  signal: AbortSignal,
  work: (until: AbortSignal) => Promise<T>,
): Promise<T> {
  const [silent, over] = [new AbortController(), new AbortController()];
  const until = AbortSignal.any([signal, silent.signal]);
  const watching = watch(api, silent, AbortSignal.any([until, over.signal]));
  try {
    const result = await work(until);
    until.throwIfAborted();
    return result;
  } catch (error) {
    throw until.aborted ? until.reason : error;
  } finally {
    over.abort();
    await watching;
  }
}

async function watch(api: EngineApi, silent: AbortController, signal: AbortSignal): Promise<void> {
  for (let failures = 0; ; ) {
    try {
      await delay(api.timeouts.pingInterval, undefined, { signal, ref: false });
      await api.get('/_ping', signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      // One question may get lost.
      if (failures > 1) silent.abort(error);
    }
  }
}
