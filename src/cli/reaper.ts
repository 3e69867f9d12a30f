// Removes the test containers of a `tasks` process that has ended without removing them: its end closes our standard input.
// A separate program, started by engine/reaper.ts, so that not even SIGKILL leaves a container running.
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type EngineApi } from '../engine/api.ts';
import { resolveEndpoint } from '../engine/endpoint.ts';
import { watchPrefix } from '../engine/reaper.ts';

/** The engine may still be creating a container when the process that requested it has died. */
const tries = 20;
const pause = 250;

async function remove(api: EngineApi, name: string): Promise<void> {
  for (let tried = 0; tried < tries; tried++) {
    const { status } = await api.request({ method: 'DELETE', path: `/containers/${name}?force=1&v=1` });
    if (status < 300) return;
    await delay(pause);
  }
}

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const names = new Set<string>();
  for await (const line of createInterface({ input: process.stdin })) {
    const name = line.slice(1);
    if (line.startsWith(watchPrefix)) names.add(name);
    else names.delete(name);
  }
  if (names.size === 0) return;
  const api = connect(resolveEndpoint(process.env), process.env);
  await Promise.allSettled([...names].map((name) => remove(api, name)));
}

void main();
