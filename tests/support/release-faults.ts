import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import type { Registry } from '../../src/model/registry.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import type { CliProcess, CliResult } from './cli.ts';
import type { ProxiedRequest } from './fault-proxy.ts';
import { user } from './registry.ts';
import {
  type FixtureOptions,
  type Machine,
  openReleaseFixture,
  type ReleaseFixture,
  snapshot,
} from './release.ts';
import { succeed } from './release-test.ts';

/**
 * What happens to a push at one request. `once …`: only this request fails. `for ever`: this request and its retries fail.
 * `down`: this request and all later ones fail. `killed`: kill -9 before the registry gets it. `killed late`: kill -9 after the
 * registry has processed it. `interrupted`: Ctrl-C.
 */
export const failureModes = [
  'once 500',
  'once reset',
  'once lost',
  'for ever',
  'down',
  'killed',
  'killed late',
  'interrupted',
] as const;
export type FailureMode = (typeof failureModes)[number];

/** A release that can be repeated: it sets a new tag, moves a tag, and moves an alias. */
export interface ReleaseScenario {
  readonly fixture: ReleaseFixture;
  /** Where its tags point before and after the release. */
  readonly oldTags: Record<string, string>;
  readonly newTags: Record<string, string>;
  /** The requests of a release without failures, including those of the engine. */
  readonly requests: readonly ProxiedRequest[];
  /** Restores the registry, and returns a machine that has built and tested everything. */
  reset(): Machine;
  /** A separate client with credentials. */
  readonly client: Registry;
  /** Reads the open journal; undefined if there is none. */
  journal(): Promise<unknown>;
}

export const releaseArgs = ['push', '--release'];

/** Prepares a release. */
export async function openScenario(options: FixtureOptions): Promise<ReleaseScenario> {
  const fixture = await openReleaseFixture({ auth: true, ...options });
  const machine = fixture.machine();
  await succeed(machine, releaseArgs);
  const oldTags = fixture.releasedTags();
  machine.addVersion('3');
  machine.change('tool', 'second');
  await succeed(machine, ['test']);
  const client = dockerRegistry(machine.env, new AbortController().signal);
  const restoreRegistry = snapshot(fixture.registry);
  // Count the requests of the second release, because the engine remembers some facts about the registry.
  for (const _ of [1, 2]) {
    restoreRegistry();
    fixture.proxy.clear();
    await succeed(machine.clone(true), releaseArgs);
  }
  const scenario: ReleaseScenario = {
    fixture,
    oldTags,
    newTags: fixture.releasedTags(),
    requests: [...fixture.proxy.requests],
    reset() {
      restoreRegistry();
      fixture.proxy.clear();
      return machine.clone(true);
    },
    client,
    async journal() {
      const text = await client.read(`${fixture.repo}/release-journal:current`);
      return (JSON.parse(text ?? '{}') as { open?: unknown }).open;
    },
  };
  assert.is.not(JSON.stringify(oldTags), JSON.stringify(scenario.newTags));
  return scenario;
}

/** A release that is paused at a request. */
export interface PausedRelease {
  readonly machine: Machine;
  readonly started: CliProcess;
  /** Continues the release, and waits until it ends. */
  resume(): Promise<CliResult>;
  /** Kills the process with kill -9. */
  kill(): Promise<void>;
}

/** Starts a release and pauses it before the first matching request, or (`late`) after the registry has processed it. */
export async function pauseRelease(
  scenario: ReleaseScenario,
  matching: RegExp,
  fault: 'hang' | 'late' = 'hang',
): Promise<PausedRelease> {
  const { proxy } = scenario.fixture;
  const machine = scenario.reset();
  proxy.fail(matching, fault);
  const started = machine.start(releaseArgs);
  const early = started.ended.then(({ err }) =>
    Promise.reject(new Error(`ended before ${matching}:\n${err}`)),
  );
  await Promise.race([proxy.waitForHanging(1), early]);
  early.catch(() => undefined);
  return {
    machine,
    started,
    async resume() {
      proxy.clear();
      return await started.ended;
    },
    async kill() {
      started.child.kill('SIGKILL');
      await started.ended;
      proxy.clear();
    },
  };
}

/** Requests to pause at: the journal is written, a new tag is set, a tag is moved, an alias is moved. */
export const pausePoints = {
  journal: /^PUT .*\/release-journal\/manifests\//,
  newTag: /^PUT .*\/app\/manifests\/3$/,
  movedTag: /^PUT .*\/tool\/manifests\/latest$/,
  alias: /^PUT .*\/app\/manifests\/latest$/,
};

/**
 * Runs a push with a failure at its `nth` request (from 1), checks the tags and messages, and then lets another machine push.
 * Returns the state of the tags after the failure (`old`, `new`, `mixed`) and the exit code.
 */
export async function runWithFailure(
  scenario: ReleaseScenario,
  mode: FailureMode,
  nth: number,
): Promise<string> {
  const { fixture } = scenario;
  const first = scenario.reset();
  const result = await pushWithFailure(scenario, first, mode, nth);
  fixture.proxy.clear();
  const at = scenario.requests[nth - 1]!;
  const where = `${mode} at ${nth}, ${at.method} ${at.path.replace(/\?.*/, '')}\n${result.err}`;
  const state = checkState(scenario, result, mode, where);
  const second = first.clone();
  const next = await second.run(releaseArgs);
  const after = `${where}\nthe next push:\n${next.err}`;
  assert.is(next.code, 0, `the next push does not recover: ${after}`);
  assert.equal(fixture.releasedTags(), scenario.newTags, `the next push sets other tags: ${after}`);
  assert.is(await scenario.journal(), undefined, `a journal was left open: ${after}`);
  for (const text of [result, next].map(({ out, err }) => out + err)) checkNoSecrets(text, where);
  for (const { root } of [first, second])
    for (const text of textsBelow(path.join(root, '.cache'))) checkNoSecrets(text, where);
  return `${state} ${result.code}`;
}

async function pushWithFailure(
  { fixture, requests }: ReleaseScenario,
  machine: Machine,
  mode: FailureMode,
  nth: number,
): Promise<CliResult> {
  const { proxy } = fixture;
  const once = /^once (.*)/.exec(mode)?.[1];
  if (once !== undefined) proxy.fail(/./, once === '500' ? 500 : (once as 'reset' | 'lost'), { nth });
  else if (mode === 'down') proxy.fail(/./, 'reset', { nth, forever: true });
  else if (mode === 'for ever') {
    const kind = kindOf(requests[nth - 1]!);
    const earlier = requests.slice(0, nth).filter((request) => kindOf(request) === kind).length;
    proxy.fail(new RegExp(`^${kind}`), 500, { nth: earlier, forever: true });
  } else proxy.fail(/./, mode === 'killed late' ? 'late' : 'hang', { nth });
  const started = machine.start(releaseArgs);
  if (/^(killed|interrupted)/.test(mode)) {
    await Promise.race([proxy.waitForHanging(1), started.ended]);
    if (mode !== 'interrupted') started.child.kill('SIGKILL');
    else if (started.child.exitCode === null) {
      started.child.kill('SIGINT');
      await Promise.race([started.printed('interrupted'), started.ended]).catch(() => undefined);
      proxy.release();
    }
  }
  return await started.ended;
}

/** Returns a pattern that matches a request and its retries, which may use another upload session. */
function kindOf({ method, path }: ProxiedRequest): string {
  const text = `${method} ${path.replace(/(\/uploads\/).*/, '$1').replace(/\?.*/, '')}`;
  return text.replace(/[.]/g, '\\.') + (/\/uploads\/$/.test(text) ? '' : '$');
}

/** Returns the state of the tags. Checks that the message fits it: a mix of old and new tags must be reported. */
function checkState(
  scenario: ReleaseScenario,
  { code, err }: CliResult,
  mode: FailureMode,
  where: string,
): string {
  const now = JSON.stringify(scenario.fixture.releasedTags());
  const state =
    now === JSON.stringify(scenario.oldTags)
      ? 'old'
      : now === JSON.stringify(scenario.newTags)
        ? 'new'
        : 'mixed';
  if (mode.startsWith('killed')) return state;
  const is = (pattern: RegExp): void =>
    assert.ok(pattern.test(err), `${code}, ${state}, not ${pattern}: ${where}`);
  assert.ok([0, 1, 3, 130].includes(code ?? -1), `exit code ${code}: ${where}`);
  assert.not.ok(/internal error/.test(err), where);
  if (mode.startsWith('once')) assert.is(code, 0, `a temporary failure ended it: ${where}`);
  if (mode === 'interrupted') assert.ok(code === 130 || state === 'new', `${code}, ${state}: ${where}`);
  if (state === 'mixed') is(/could not be rolled back|does not delete tags|the tags may be a mix of both/);
  else if (state === 'old' && code !== 0)
    is(
      /^tasks push/m.test(err)
        ? /nothing is published|no tag was changed|could not be rolled back/
        : /^(error|interrupted): /m,
    );
  else if (state === 'new') is(code === 0 ? /^published: /m : /all tags were set|^published: /m);
  else assert.unreachable(`exit code 0, but the tags did not change: ${where}`);
  return state;
}

const secrets = [user.password, Buffer.from(`${user.username}:${user.password}`).toString('base64')];

function checkNoSecrets(text: string, where: string): void {
  for (const secret of secrets) assert.not.ok(text.includes(secret), `a secret was printed: ${where}`);
}

function textsBelow(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(path.join(parentPath, name), 'latin1'));
}
