import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('e2e: implied needs');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

const definitions = `import { image, project } from 'image-tasks';
export default project({ repo: 'citus' });
export const ext = image({ name: 'ext', versions: ['16', '17'], context: 'ext', aliases: (v) => v === '17' ? ['latest'] : [] });
export const app = image({ name: 'app', versions: ['16', '17'], context: 'app', args: (v) => ({ PG: v }) });
`;
const dockerfile = `ARG PG
ARG EXT=citus/ext:$PG
FROM $EXT AS ext
FROM debian:12
COPY --from=ext / /ext
COPY --from=docker.io/citus/ext / /latest
`;
const project = (files: Record<string, string> = {}): string =>
  makeProject(definitions, {
    'ext/Dockerfile': 'FROM scratch\nCOPY file /\n',
    'ext/file': '',
    'app/Dockerfile': dockerfile,
    ...files,
  });

interface Planned {
  readonly tasks: { id: string; key: string; needs: string[]; reasons: { code: string; detail: string }[] }[];
}
const run = async (cwd: string, ...args: string[]): Promise<CliResult> => await runCli(args, { cwd, env });
const planned = async (cwd: string, ...args: string[]) => {
  const { out, err, code } = await run(cwd, 'plan', '--json', ...args);
  assert.is(code, 0, err);
  return new Map((JSON.parse(out) as Planned).tasks.map((task) => [task.id, task]));
};

test('an implied need affects the plan, keys, selectors and graph, and is noted once', async () => {
  const cwd = project();
  const before = await planned(cwd);
  assert.equal(before.get('app:16')!.needs, ['ext:16', 'ext:17']);
  assert.equal(before.get('app:17')!.needs, ['ext:17']);
  const impure = before.get('app:16')!.reasons.filter(({ code }) => code === 'impure');
  assert.equal(
    impure.map(({ detail }) => detail),
    ['line 4: debian:12 is not pinned by digest'],
  );
  const { out } = await run(cwd, 'plan');
  assert.equal(
    out.split('\n').filter((line) => line.startsWith('note ')),
    [
      "note FROM citus/ext:16 in app/Dockerfile is this project's ext:16",
      "note COPY --from=docker.io/citus/ext in app/Dockerfile is this project's ext:17",
      "note FROM citus/ext:17 in app/Dockerfile is this project's ext:17",
    ],
  );
  assert.equal([...(await planned(cwd, '+app:17')).keys()], ['ext:17', 'app:17']);
  assert.equal([...(await planned(cwd, 'ext:16+')).keys()].sort(), ['app:16', 'ext:16', 'ext:17']);
  const graph = JSON.parse((await run(cwd, 'graph', '--format', 'json')).out) as { edges: object[] };
  assert.ok(
    graph.edges.some((edge) => JSON.stringify(edge) === '{"from":"app:17","to":"ext:17","kind":"needs"}'),
  );
  writeFiles(cwd, { 'ext/file': 'changed' });
  const after = await planned(cwd);
  for (const id of ['app:16', 'app:17']) assert.is.not(after.get(id)!.key, before.get(id)!.key);
});

test('a need can be declared by image name, with or without a tag', async () => {
  const cwd = makeProject(
    `import { image } from 'image-tasks';
export const base = image({ name: 'base', context: 'base' });
export const app = image({ name: 'app', context: 'app', needs: { debian: base, 'quay.io/x/tool:1': base } });
`,
    {
      'base/Dockerfile': 'FROM scratch\n',
      'app/Dockerfile': 'FROM debian\nCOPY --from=quay.io/x/tool:1 / /tool\n',
    },
  );
  const { needs, reasons } = (await planned(cwd)).get('app:latest')!;
  assert.equal(needs, ['base:latest']);
  assert.equal(
    reasons.map(({ code }) => code),
    ['not-built', 'need-built'],
  );
});

test('implied needs follow changes of the Dockerfile and of the repository', async () => {
  const cwd = project();
  assert.equal((await planned(cwd)).get('app:17')!.needs, ['ext:17']);
  writeFiles(cwd, { 'app/Dockerfile': 'FROM team/ext:16\n' });
  assert.equal((await planned(cwd)).get('app:17')!.needs, []);
  assert.equal((await planned(cwd, '--repo', 'team')).get('app:17')!.needs, ['ext:16']);
  assert.equal((await planned(cwd)).get('app:17')!.needs, []);
  writeFiles(cwd, { 'app/Dockerfile': 'FROM citus/ext:16\n' });
  assert.equal((await planned(cwd, '--repo', 'team')).get('app:17')!.needs, ['ext:16']);
});

test('an implied need takes precedence over the lock file and is not pinned', async () => {
  const digest = `sha256:${'b'.repeat(64)}`;
  const entry = {
    image: 'citus/ext:17',
    platform: 'linux/amd64',
    digest,
    onbuild: false,
    profiles: ['default'],
  };
  const lock = JSON.stringify({ schema: 1, images: [entry] });
  const cwd = project({ 'app/Dockerfile': 'FROM citus/ext:17\n' });
  const before = (await planned(cwd)).get('app:17')!;
  writeFiles(cwd, { 'tasks/lock.json': lock });
  const after = (await planned(cwd)).get('app:17')!;
  assert.equal([after.needs, after.key], [['ext:17'], before.key]);
  const locked = JSON.parse((await run(cwd, 'lock', '--update', '--json')).out) as {
    dropped: { image: string }[];
  };
  assert.equal(
    locked.dropped.map(({ image }) => image),
    ['citus/ext:17'],
  );
});

test("a task's own image, a cycle and a need as a part of a name are errors: exit code 2", async () => {
  const own = await run(project({ 'ext/Dockerfile': 'FROM citus/ext:16\n' }), 'plan');
  assert.is(own.code, 2);
  assert.match(own.err, /ext › dockerfile: ext\/Dockerfile builds ext:16 from its own image/);
  const cycle = await run(project({ 'ext/Dockerfile': 'FROM citus/app:16\n' }), 'plan');
  assert.is(cycle.code, 2);
  assert.match(cycle.err, /dependency cycle: (ext:16 -> app:16 -> ext:16|app:16 -> ext:16 -> app:16)/);
  const part = makeProject(
    `import { image } from 'image-tasks';
export const base = image({ name: 'base', context: 'base' });
export const app = image({ name: 'app', context: 'app', needs: { BASE: base } });
`,
    { 'base/Dockerfile': 'FROM scratch\n', 'app/Dockerfile': 'ARG BASE\nFROM ${BASE}-extra\n' },
  );
  for (const command of ['plan', 'build', 'why app']) {
    const { code, err } = await run(part, ...command.split(' '));
    assert.is(code, 2, command);
    assert.match(
      err,
      /app\/Dockerfile:2:1 › app › dockerfile: BASE is the image of a need, but .*\n.*\n.*\^{18}\n {2}found: +FROM \$\{BASE\}-extra\n {2}expected: only \$BASE/,
    );
  }
});

test('a need declared by image name must be named in the Dockerfile', async () => {
  const declared = (name: string): string =>
    makeProject(
      `import { image } from 'image-tasks';
export const pg = image({ name: 'pg', context: 'pg' });
export const app = image({ name: 'app', context: 'app', needs: { '${name}': pg } });
`,
      { 'pg/Dockerfile': 'FROM scratch\n', 'app/Dockerfile': 'ARG V=18.3\nFROM cimg/postgres:$V\n' },
    );
  const { needs, reasons } = (await planned(declared('cimg/postgres:18.3'))).get('app:latest')!;
  assert.equal(needs, ['pg:latest']);
  assert.not.ok(reasons.some(({ code }) => code === 'impure'));
  const missing = await run(declared('cimg/postgres:18'), 'plan');
  assert.is(missing.code, 2);
  assert.match(
    missing.err,
    /app › needs\.cimg\/postgres:18: app\/Dockerfile does not name this image.*\n.*\n.*\^{18}\n {2}expected: an ARG \(V\) or an image that it names \(cimg\/postgres:18\.3\)/,
  );
  const noArg = await run(declared('BASE'), 'plan');
  assert.is(noArg.code, 2);
  assert.match(
    noArg.err,
    /app › needs\.BASE: app\/Dockerfile does not declare ARG BASE.*\n.*\n.*\^{4}\n {2}expected: an ARG \(V\) or an image that it names \(cimg\/postgres:18\.3\)/,
  );
  const wrong = await run(declared('Not an image'), 'plan');
  assert.is(wrong.code, 2);
  assert.match(wrong.err, /neither the name of a build arg nor of an image/);
});

test("an unpinned image in a need's ONBUILD is noted, also if nothing changed", async () => {
  const cwd = makeProject(
    `import { command, image } from 'image-tasks';
export const base = image({ name: 'base', context: 'base' });
export const app = image({ name: 'app', context: 'app', needs: { BASE: base } });
`,
    {
      'base/Dockerfile': 'FROM scratch\nONBUILD COPY --from=debian:12 / /\n',
      'app/Dockerfile': 'ARG BASE\nFROM $BASE\n',
    },
  );
  for (const _ of [1, 2]) {
    const { reasons } = (await planned(cwd)).get('app:latest')!;
    assert.ok(
      reasons.some(
        ({ code, detail }) =>
          code === 'impure' &&
          detail === 'ONBUILD of base:latest uses debian:12, which is not pinned by digest',
      ),
      JSON.stringify(reasons),
    );
  }
});

test.run();
