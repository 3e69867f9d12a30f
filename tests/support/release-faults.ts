import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import type { Registry } from '../../src/model/registry.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import type { CliProcess, CliResult } from './cli.ts';
import type { ProxiedRequest } from './fault-proxy.ts';
import { type RegistryOptions, user } from './registry.ts';
import { type Machine, openReleaseFixture, type ReleaseFixture, snapshot } from './release.ts';

/**
 * What befalls a push at one request. `once …`: it alone. `for ever`: it, however often it is repeated. `down`: it and all
 * after it. `killed`: kill -9 before it, `killed late`: after the registry has done it. `interrupted`: Ctrl-C.
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

/** A release that is about to happen, as often as it takes: a new tag, one that moves, and an alias. */
export interface ReleaseScenario {
  readonly fixture: ReleaseFixture;
  /** Where its tags point before and after. */
  readonly oldTags: Record<string, string>;
  readonly newTags: Record<string, string>;
  /** Its requests where nothing goes wrong, those of the engine as well. */
  readonly requests: readonly ProxiedRequest[];
  /** The registry as it was, and a machine that has built and tested everything. */
  reset(): Machine;
  /** A client of its own, logged in. */
  readonly client: Registry;
  /** What the journal says; undefined: nothing is under way. */
  journal(): Promise<unknown>;
}

export const releaseArgs = ['push', '--release'];

export async function openScenario(options: RegistryOptions): Promise<ReleaseScenario> {
  const fixture = await openReleaseFixture({ auth: true, ...options });
  const machine = fixture.machine();
  await succeed(machine.run(releaseArgs));
  const oldTags = fixture.releasedTags();
  machine.addVersion('3');
  machine.change('tool', 'second');
  await succeed(machine.run(['test']));
  const client = dockerRegistry(machine.env, new AbortController().signal);
  const back = snapshot(fixture.registry);
  // Once without counting: what the engine remembers of this registry is the same each time then.
  for (const _ of [1, 2]) {
    back();
    fixture.proxy.clear();
    await succeed(machine.clone(true).run(releaseArgs));
  }
  const stage: ReleaseScenario = {
    fixture: fixture,
    oldTags: oldTags,
    newTags: fixture.releasedTags(),
    requests: [...fixture.proxy.requests],
    reset() {
      back();
      fixture.proxy.clear();
      return machine.clone(true);
    },
    client,
    async journal() {
      const text = await client.read(`${fixture.repo}/release-journal:current`);
      return (JSON.parse(text ?? '{}') as { open?: unknown }).open;
    },
  };
  assert.is.not(JSON.stringify(oldTags), JSON.stringify(stage.newTags));
  return stage;
}

/** A release that stands at a request. */
export interface PausedRelease {
  readonly machine: Machine;
  readonly started: CliProcess;
  /** Lets it go on, and waits for its end. */
  resume(): Promise<CliResult>;
  /** kill -9; what was held never goes on. */
  kill(): Promise<void>;
}

/** Begins a release, which stops before the first request that matches, or (`late`) when the registry has done it. */
export async function pauseRelease(
  stage: ReleaseScenario,
  matching: RegExp,
  fault: 'hang' | 'late' = 'hang',
): Promise<PausedRelease> {
  const { proxy } = stage.fixture;
  const machine = stage.reset();
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

/** Requests at which something may happen: the journal is written; a new tag is put, one that moves, an alias. */
export const pausePoints = {
  journal: /^PUT .*\/release-journal\/manifests\//,
  newTag: /^PUT .*\/app\/manifests\/3$/,
  movedTag: /^PUT .*\/tool\/manifests\/latest$/,
  alias: /^PUT .*\/app\/manifests\/latest$/,
};

/** Lets a push meet something at the `nth` request (from 1), sees how the tags stand, and lets another machine push. */
export async function runWithFailure(
  stage: ReleaseScenario,
  mishap: FailureMode,
  nth: number,
): Promise<string> {
  const { fixture } = stage;
  const first = stage.reset();
  const ran = await meet(stage, first, mishap, nth);
  fixture.proxy.clear();
  const at = stage.requests[nth - 1]!;
  const where = `${mishap} at ${nth}, ${at.method} ${at.path.replace(/\?.*/, '')}\n${ran.err}`;
  const state = judge(stage, ran, mishap, where);
  const second = first.clone();
  const mended = await second.run(releaseArgs);
  const after = `${where}\nthe next push:\n${mended.err}`;
  assert.is(mended.code, 0, `the next push does not mend it: ${after}`);
  assert.equal(fixture.releasedTags(), stage.newTags, `the next push sets other tags: ${after}`);
  assert.is(await stage.journal(), undefined, `a journal was left open: ${after}`);
  for (const text of [ran, mended].map(({ out, err }) => out + err)) keepsSecret(text, where);
  for (const { root } of [first, second])
    for (const text of textsBelow(path.join(root, '.cache'))) keepsSecret(text, where);
  return `${state} ${ran.code}`;
}

async function meet(
  { fixture, requests }: ReleaseScenario,
  machine: Machine,
  mishap: FailureMode,
  nth: number,
): Promise<CliResult> {
  const { proxy } = fixture;
  const once = /^once (.*)/.exec(mishap)?.[1];
  if (once !== undefined) proxy.fail(/./, once === '500' ? 500 : (once as 'reset' | 'lost'), { nth });
  else if (mishap === 'down') proxy.fail(/./, 'reset', { nth, forever: true });
  else if (mishap === 'for ever') {
    const kind = kindOf(requests[nth - 1]!);
    const earlier = requests.slice(0, nth).filter((request) => kindOf(request) === kind).length;
    proxy.fail(new RegExp(`^${kind}`), 500, { nth: earlier, forever: true });
  } else proxy.fail(/./, mishap === 'killed late' ? 'late' : 'hang', { nth });
  const started = machine.start(releaseArgs);
  if (/^(killed|interrupted)/.test(mishap)) {
    await Promise.race([proxy.waitForHanging(1), started.ended]);
    if (mishap !== 'interrupted') started.child.kill('SIGKILL');
    else if (started.child.exitCode === null) {
      started.child.kill('SIGINT');
      await Promise.race([started.printed('interrupted'), started.ended]).catch(() => undefined);
      proxy.release();
    }
  }
  return await started.ended;
}

/** A request as it is when it comes again: sessions of uploads have names of their own. As a pattern. */
function kindOf({ method, path }: ProxiedRequest): string {
  const text = `${method} ${path.replace(/(\/uploads\/).*/, '$1').replace(/\?.*/, '')}`;
  return text.replace(/[.]/g, '\\.') + (/\/uploads\/$/.test(text) ? '' : '$');
}

/** How the tags stand. Whatever is neither the old set nor the new one must have been told. */
function judge(stage: ReleaseScenario, { code, err }: CliResult, mishap: FailureMode, where: string): string {
  const now = JSON.stringify(stage.fixture.releasedTags());
  const state =
    now === JSON.stringify(stage.oldTags) ? 'old' : now === JSON.stringify(stage.newTags) ? 'new' : 'mixed';
  if (mishap.startsWith('killed')) return state;
  const is = (pattern: RegExp): void =>
    assert.ok(pattern.test(err), `${code}, ${state}, not ${pattern}: ${where}`);
  assert.ok([0, 1, 3, 130].includes(code ?? -1), `exit code ${code}: ${where}`);
  assert.not.ok(/fault of tasks itself/.test(err), where);
  if (mishap.startsWith('once')) assert.is(code, 0, `what passes by itself ended it: ${where}`);
  if (mishap === 'interrupted') assert.ok(code === 130 || state === 'new', `${code}, ${state}: ${where}`);
  if (state === 'mixed') is(/could not be rolled back|does not delete tags|the tags may be a mix of both/);
  else if (state === 'old' && code !== 0)
    is(
      /^tasks push/m.test(err)
        ? /nothing was published|no tag was changed|could not be rolled back/
        : /^(error|interrupted): /m,
    );
  else if (state === 'new') is(code === 0 ? /^published: /m : /all tags were set|^published: /m);
  else assert.unreachable(`exit code 0, and the tags as they were: ${where}`);
  return state;
}

const secrets = [user.password, Buffer.from(`${user.username}:${user.password}`).toString('base64')];

function keepsSecret(text: string, where: string): void {
  for (const secret of secrets) assert.not.ok(text.includes(secret), `a secret: ${where}`);
}

function textsBelow(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(path.join(parentPath, name), 'latin1'));
}

async function succeed(work: Promise<CliResult>): Promise<void> {
  const { code, err } = await work;
  assert.is(code, 0, err);
}
