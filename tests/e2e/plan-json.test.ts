import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';

const test = suite('e2e: plan --json');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };
const digest = `sha256:${'a'.repeat(64)}`;

const project = (): string =>
  makeProject(
    `import { command, image, project } from 'image-tasks';
export default project({ repo: 'team' });
export const text = command({ name: 'text', run: ['true'] });
export const app = image({
  name: 'app', versions: ['1.9', '1.10'], context: 'app', dockerfile: 'app/Dockerfile.app', target: 'runtime',
  args: (v) => ({ VERSION: v }), labels: { team: 'x' }, aliases: ['1'], platforms: ['linux/amd64'], needs: { text },
});
export const plain = image({ name: 'plain', context: 'plain', platforms: ['linux/arm64'] });
`,
    {
      'app/Dockerfile.app': `FROM debian@${digest} AS build\nFROM busybox:1 AS runtime\nCOPY --from=build /x /x\nFROM scratch\n`,
      'plain/Dockerfile': 'FROM scratch\n',
    },
  );

interface Planned {
  readonly id: string;
  readonly [field: string]: unknown;
}
const fields = ['args', 'labels', 'aliases', 'platform', 'context', 'dockerfile', 'target', 'bases'];
const planOf = async (cwd: string): Promise<Map<string, unknown>> => {
  const { out, code, err } = await runCli(['plan', '--json'], { cwd, env });
  assert.is(code, 0, err);
  const { tasks } = JSON.parse(out) as { tasks: Planned[] };
  return new Map(
    tasks.map((task) => [task.id, Object.fromEntries(fields.map((field) => [field, task[field]]))]),
  );
};

test('an image has its args, labels, aliases, platform, files and bases', async () => {
  const plan = await planOf(project());
  const app = {
    args: { VERSION: '1.10' },
    labels: { team: 'x' },
    aliases: ['team/app:1'],
    platform: 'linux/amd64',
    context: 'app',
    dockerfile: 'app/Dockerfile.app',
    target: 'runtime',
    bases: [
      { reference: `debian@${digest}`, digest },
      { reference: 'busybox:1', digest: null },
    ],
  };
  assert.equal(plan.get('app:1.10'), app);
  // The newest version gets a shared alias.
  assert.equal(plan.get('app:1.9'), { ...app, args: { VERSION: '1.9' }, aliases: [] });
  assert.equal(plan.get('plain:latest'), {
    args: {},
    labels: {},
    aliases: [],
    platform: 'linux/arm64',
    context: 'plain',
    dockerfile: 'plain/Dockerfile',
    target: null,
    bases: [],
  });
});

test('a command has the same fields, empty', async () => {
  assert.equal((await planOf(project())).get('text:latest'), {
    args: {},
    labels: {},
    aliases: [],
    platform: null,
    context: null,
    dockerfile: null,
    target: null,
    bases: [],
  });
});

test('a second plan, which reads no inputs, has the same output', async () => {
  const cwd = project();
  assert.equal(await planOf(cwd), await planOf(cwd));
});

test.run();
