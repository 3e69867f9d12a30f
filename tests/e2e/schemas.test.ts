import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { assertValid, parseEvents } from '../support/schemas.ts';

const test = suite('JSON output has the form that the schemas describe');
/** Nothing here needs an engine. */
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };
const digest = `sha256:${'a'.repeat(64)}`;

/** Images that are planned only. */
const images = (): string =>
  makeProject(
    `import { command, image, project } from 'image-tasks';
export default project({ repo: 'team' });
export const text = command({ name: 'text', run: ['true'] });
export const base = image({ name: 'base', context: 'base', publish: false });
export const app = image({
  name: 'app', versions: ['1.9', '1.10'], context: 'app', target: 'runtime', needs: { text, BASE: base },
  args: (v) => ({ VERSION: v }), labels: { team: 'x' }, aliases: ['1'], platforms: ['linux/amd64'], after: [text],
});
`,
    {
      'base/Dockerfile': `FROM debian@${digest} AS build\nFROM busybox:1\nADD https://host.invalid/x /x\nCOPY --from=build /x /x\n`,
      'app/Dockerfile': 'ARG BASE\nFROM $BASE AS runtime\n',
    },
  );

/** Commands alone: `source:1` fails if there is a file `fail-1`, and runs until it is ended if there is a file `hang`. */
const commands = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const source = command({ name: 'source', versions: ['1', '2'], run: (v) => ['./make', v], inputs: ['in/*'] });
export const copy = command({ name: 'copy', run: ['true'], needs: { source: source.at('1') } });
`,
    {
      'in/a': 'a\n',
      'make*': '#!/bin/sh\necho "making $1"\n[ ! -e fail-$1 ] || exit 3\n[ ! -e hang ] || exec sleep 60\n',
    },
  );

interface Plan {
  readonly tasks: readonly {
    readonly action: string;
    readonly reasons: readonly { readonly code: string }[];
  }[];
}

async function planOf(cwd: string, ...args: string[]): Promise<{ actions: string[]; codes: string[] }> {
  const { out, err } = await runCli(['plan', '--json', ...args], { cwd, env });
  assert.is.not(out, '', err);
  const plan = JSON.parse(out) as Plan;
  assertValid('plan', plan);
  return {
    actions: plan.tasks.map(({ action }) => action),
    codes: plan.tasks.flatMap(({ reasons }) => reasons.map(({ code }) => code)),
  };
}

/** Runs a command with `--json`: what its events say of the tasks. */
async function eventsOf(cwd: string, code: number, ...args: string[]): Promise<string[]> {
  const ran = await runCli([...args, '--json'], { cwd, env });
  assert.is(ran.code, code, ran.err);
  return outcomesOf(ran.out);
}

function outcomesOf(out: string): string[] {
  const events = parseEvents(out);
  assert.equal([events[0]!.type, events.at(-1)!.type], ['run-started', 'run-finished']);
  return events
    .filter(({ type }) => type === 'task-finished')
    .map(({ phase, id, outcome }) => `${phase} ${id} ${outcome}`)
    .sort();
}

test('plan --json: images and commands, pinned and unpinned base images', async () => {
  const cwd = images();
  const { actions, codes } = await planOf(cwd);
  assert.equal(actions, ['run', 'build', 'build', 'build']);
  assert.ok(codes.includes('not-built') && codes.includes('impure'), String(codes));
  assert.equal((await planOf(cwd, 'text')).actions, ['run']);
});

test('plan --json: up to date, changed and forced tasks', async () => {
  const cwd = commands();
  assert.equal((await planOf(cwd)).codes, ['not-built', 'not-built', 'need-built', 'not-built']);
  await runCli(['build'], { cwd, env });
  assert.equal((await planOf(cwd)).actions, ['reuse', 'reuse', 'reuse']);
  assert.ok((await planOf(cwd, '--force', 'source')).codes.includes('forced'));
  writeFileSync(path.join(cwd, 'in/a'), 'b\n');
  assert.ok((await planOf(cwd)).codes.includes('changed'));
});

test('graph --format json: images and commands, needs and order', async () => {
  const graphOf = async (cwd: string, ...args: string[]) => {
    const { out } = await runCli(['graph', '--format', 'json', ...args], { cwd, env });
    const graph = JSON.parse(out) as { nodes: object[]; edges: { kind: string }[] };
    assertValid('graph', graph);
    return { nodes: graph.nodes.length, kinds: [...new Set(graph.edges.map(({ kind }) => kind))].sort() };
  };
  assert.equal(await graphOf(images()), { nodes: 4, kinds: ['after', 'needs'] });
  const cwd = commands();
  await runCli(['build'], { cwd, env });
  assert.equal(await graphOf(cwd, '--changed'), { nodes: 0, kinds: [] });
});

test('build --json: a run that succeeds, one with nothing to do, one that fails, and one that is stopped', async () => {
  const cwd = commands();
  assert.equal(await eventsOf(cwd, 0, 'build'), [
    'build copy:latest built',
    'build source:1 built',
    'build source:2 built',
  ]);
  assert.equal(await eventsOf(cwd, 0, 'build', 'source'), ['build source:1 reused', 'build source:2 reused']);
  writeFileSync(path.join(cwd, 'fail-1'), '');
  assert.equal(await eventsOf(cwd, 1, 'build', '--force', '--keep-going'), [
    'build copy:latest blocked',
    'build source:1 failed',
    'build source:2 built',
  ]);
  rmSync(path.join(cwd, 'fail-1'));
  writeFileSync(path.join(cwd, 'hang'), '');
  const { child, ended } = startCli(['build', '--json', '--force', '-j', '1'], { cwd, env });
  await new Promise<void>((resolve) => {
    let out = '';
    child.stdout!.on('data', (data) => {
      out += data;
      if (out.includes('making')) resolve();
    });
  });
  child.kill('SIGINT');
  const stopped = await ended;
  assert.is(stopped.code, 130, stopped.err);
  assert.ok(outcomesOf(stopped.out).includes('build copy:latest cancelled'));
});

test('tasks whose inputs cannot be read are blocked', async () => {
  const cwd = commands();
  const file = Buffer.concat([Buffer.from(path.join(cwd, 'in/not-utf-8-')), Buffer.from([0xff])]);
  writeFileSync(file, '');
  try {
    const { actions, codes } = await planOf(cwd);
    assert.equal(actions, ['blocked', 'blocked', 'blocked']);
    assert.equal([...new Set(codes)], ['unreadable', 'need-blocked']);
    assert.equal(await eventsOf(cwd, 1, 'build'), [
      'build copy:latest blocked',
      'build source:1 blocked',
      'build source:2 blocked',
    ]);
  } finally {
    unlinkSync(file);
  }
});

test('test --json: commands have no tests', async () => {
  assert.ok((await eventsOf(commands(), 0, 'test')).includes('build source:1 built'));
});

test.run();
