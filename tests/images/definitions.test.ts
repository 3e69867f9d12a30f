// What this repository's own definitions declare in each profile and with each setting. Needs no engine: nothing is built.
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = process.cwd();
const program = path.join(root, 'dist/tasks.js');

interface PlannedTask {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly tags: readonly string[];
  readonly key: string;
}

/** The environment without the settings of the machine that runs the tests. */
function environment(settings: Record<string, string>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('TASKS_') && name !== 'DOCKER_REPO',
  );
  return { ...Object.fromEntries(kept), DOCKER_HOST: 'unix:///nowhere', ...settings };
}

function plan(profile: string, settings: Record<string, string> = {}): PlannedTask[] {
  const output = execFileSync(
    process.execPath,
    [program, '--profile', profile, 'plan', '--json', '--suffix', ''],
    {
      cwd: root,
      env: environment(settings),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return (JSON.parse(output) as { tasks: PlannedTask[] }).tasks;
}

const published = (tasks: readonly PlannedTask[]): string[] =>
  tasks.filter((task) => task.publish).flatMap((task) => `${task.name}:${task.version}`);

const definitions = suite('definitions');

definitions('profile default declares the 14 published images', () => {
  assert.equal(published(plan('default')).sort(), [
    'citusupgradetester:16.13',
    'citusupgradetester:17.9',
    'citusupgradetester:18.3',
    'extbuilder:16.13',
    'extbuilder:17.9',
    'extbuilder:18.3',
    'exttester:16.13',
    'exttester:17.9',
    'exttester:18.3',
    'failtester:16.13',
    'failtester:17.9',
    'failtester:18.3',
    'pgupgradetester:16.13-17.9-18.3',
    'stylechecker:0.8.33',
  ]);
});

definitions('profile debian adds Citus only if its repository is set', () => {
  const withoutCitus = published(plan('debian')).sort();
  assert.equal(withoutCitus, [
    'extbuilder:15',
    'extbuilder:17',
    'exttester:15',
    'exttester:17',
    'failtester:15',
    'failtester:17',
    'pgupgradetester:15-17',
    'stylechecker:trixie',
  ]);
  const withCitus = plan('debian', { TASKS_CITUS_GIT: '/somewhere/citus.git' });
  const added = ['citusupgradetester:15', 'citusupgradetester:17'];
  assert.equal(published(withCitus).sort(), [...added, ...withoutCitus]);
  const citus = withCitus.filter((task) => task.name === 'citus').map((task) => task.version);
  assert.equal(citus.sort(), ['v12.1.12-pg15', 'v13.2.2-pg17']);
});

for (const profile of ['default', 'debian'])
  definitions(`the profile for several platforms builds nothing of ${profile} again`, () => {
    const settings = {
      TASKS_CITUS_GIT: '/somewhere/citus.git',
      TASKS_CITUS_TOOLS_GIT: '/somewhere/tools.git',
    };
    const name = profile === 'default' ? 'multi-platform' : `${profile}-multi-platform`;
    const wide = plan(name, settings);
    const keys = new Map(wide.map(({ id, key }) => [id, key]));
    const here = process.arch === 'x64' ? 'linux/amd64' : `linux/${process.arch}`;
    for (const { id, key } of plan(profile, settings))
      assert.is(keys.get(`${id}@${here}`) ?? keys.get(id), key, id);
    const platformsOf = (id: string): string[] =>
      wide.flatMap((each) => (each.id.startsWith(`${id}@`) ? [each.id.slice(id.length + 1)] : []));
    for (const { name: image, version, publish } of wide)
      if (publish) assert.equal(platformsOf(`${image}:${version}`).sort(), ['linux/amd64', 'linux/arm64']);
  });

definitions('an unknown profile is an error that lists the known profiles', () => {
  const run = spawnSync(process.execPath, [program, '--profile', 'fedora', 'list'], {
    cwd: root,
    env: environment({}),
    encoding: 'utf8',
  });
  assert.is(run.status, 2);
  assert.match(
    run.stderr,
    'there is no profile "fedora"; there are: default, debian, multi-platform, debian-multi-platform',
  );
});

const settings: readonly [profile: string, name: string, value: string, task: string][] = [
  ['debian', 'TASKS_DEBIAN_URL', 'http://mirror.example/debian', 'rootfs:trixie'],
  ['debian', 'TASKS_DEBIAN_SECURITY_URL', 'http://mirror.example/security', 'rootfs:trixie'],
  ['debian', 'TASKS_CITUS_TOOLS_GIT', '/somewhere/tools.git', 'stylechecker:trixie'],
  ['default', 'TASKS_BASE_REGISTRY', 'mirror.example/hub', 'apt:build'],
  ['default', 'TASKS_BASE_REGISTRY', 'mirror.example/hub', 'stylechecker:0.8.33'],
  ['default', 'TASKS_PGDG_URL', 'http://mirror.example/pgdg', 'postgres:16.13-build'],
  ['default', 'TASKS_PGDG_SUITE', 'bookworm-pgdg-testing', 'postgres:16.13-test'],
  ['default', 'TASKS_PGDG_ARCHIVE_URL', 'http://mirror.example/pgdg', 'exttester:16.13'],
  ['default', 'TASKS_PGDG_ARCHIVE_SUITE', 'old', 'postgres:16.13-17.9-18.3-test'],
  ['default', 'TASKS_PGDG_KEY_URL', 'http://mirror.example/key.asc', 'pgdg-key:latest'],
  ['default', 'TASKS_PGDG_KEY_FINGERPRINT', '0123456789ABCDEF0123456789ABCDEF01234567', 'pgdg-key:latest'],
  ['default', 'TASKS_POSTGRES_SOURCE_URL', 'http://mirror.example/source', 'postgres-source:18.3'],
  ['default', 'TASKS_PYTHON_INDEX_URL', 'http://mirror.example/simple', 'requirements:latest'],
  ['default', 'TASKS_PYTHON_INDEX_URL', 'https://mirror.example/simple', 'stylechecker:0.8.33'],
  ['default', 'TASKS_ALPINE_URL', 'http://mirror.example/alpine', 'stylechecker:0.8.33'],
  ['default', 'TASKS_CITUS_GIT', '/somewhere/citus.git', 'citus-source:v14.0.1'],
  ['default', 'TASKS_CITUS_TOOLS_GIT', '/somewhere/tools.git', 'citus-tools-source:v0.8.33'],
  ['default', 'TASKS_UNCRUSTIFY_GIT', '/somewhere/uncrustify.git', 'uncrustify-source:uncrustify-0.82.0'],
];
for (const [profile, name, value, id] of settings) {
  definitions(`${name} changes the key of ${id}`, () => {
    const keyOf = (tasks: readonly PlannedTask[]): string | undefined =>
      tasks.find((task) => task.id === id)?.key;
    const before = keyOf(plan(profile));
    const after = keyOf(plan(profile, { [name]: value }));
    assert.ok(before !== undefined && after !== undefined, `${id} is not planned`);
    assert.is.not(after, before);
    assert.is(
      keyOf(plan(profile, { [name]: '' })),
      before,
      'an empty value is the same as an unset variable',
    );
  });
}

definitions('a new PostgreSQL minor version rebuilds only the images that contain it', () => {
  // Follow the edges from the tasks of 17.9: images of other versions must not depend on them.
  const text = execFileSync(
    process.execPath,
    [program, '--profile', 'default', 'graph', '--format', 'json'],
    {
      cwd: root,
      env: environment({}),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const { edges } = JSON.parse(text) as { edges: { from: string; to: string }[] };
  const affected = new Set(['postgres:17.9-build', 'postgres:17.9-test', 'postgres-source:17.9']);
  for (let size = 0; size !== affected.size; ) {
    size = affected.size;
    for (const { from, to } of edges) if (affected.has(to)) affected.add(from);
  }
  const images = [...affected].filter((id) => /^(ext|fail|pgup|citusup|style)/.test(id)).sort();
  assert.equal(images, ['citusupgradetester:17.9', 'extbuilder:17.9', 'exttester:17.9', 'failtester:17.9']);
});

definitions.run();
