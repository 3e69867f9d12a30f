import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CliResult } from './cli.ts';
import { connectTestEngine, removeImages } from './docker.ts';
import {
  type FixtureOptions,
  type Machine,
  openReleaseFixture,
  type ReleaseFixture,
  releaseLabel,
} from './release.ts';

/** The environment of a machine without an engine. */
export const noEngine = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

/** Adds a test with its own registry, and an engine without images of these tests. */
export function releaseTest(
  test: Test,
  name: string,
  run: (fixture: ReleaseFixture) => Promise<void>,
  options: FixtureOptions = {},
): void {
  test(name, async () => {
    const api = await connectTestEngine();
    const fixture = await openReleaseFixture(options);
    try {
      await run(fixture);
    } finally {
      await removeImages(api, releaseLabel);
      await fixture.stop();
    }
  });
}

/** Removes the images of these tests from the engine. */
export async function emptyEngine(): Promise<void> {
  await removeImages(await connectTestEngine(), releaseLabel);
}

/** Runs `tasks` on a machine. Fails if the exit code is not 0. */
export async function succeed(machine: Machine, args: readonly string[], env = {}): Promise<CliResult> {
  const result = await machine.run(args, env);
  assert.is(result.code, 0, `${args.join(' ')}:\n${result.err}`);
  return result;
}

/** Returns the actions that a run executed, sorted: `app:1 build`. */
export function actionsOf({ err }: CliResult): string[] {
  return [...err.matchAll(/^▸ (\S+) +(\w+)/gm)].map(([, id, action]) => `${id} ${action}`).sort();
}
