// Dockerfiles with a syntax line: the engine pulls the frontend from a registry and runs it.
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerEngine } from '../../src/engine/docker.ts';
import type { RunEvent, TaskFailure } from '../../src/model/events.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { pushFrontend } from '../support/frontend-image.ts';
import { hasRegistry, type RealRegistry, startRegistry, user } from '../support/registry.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('syntax lines with docker');
const label = 'image-tasks.syntax-test';
const registries: RealRegistry[] = [];

/** Starts a registry with a frontend. Returns the reference of the frontend. */
async function frontendIn(options: { readonly auth?: boolean }): Promise<string> {
  const registry = await startRegistry(options);
  registries.push(registry);
  const reference = `${registry.host}/docker/dockerfile:1`;
  const engine = dockerEngine(process.env, { signal: new AbortController().signal });
  await pushFrontend(engine, reference, label, options.auth ? user : undefined);
  // So that it has to be pulled.
  await engine.untag(reference);
  return reference;
}

/** A project with an image whose Dockerfile begins with this syntax line. */
function project(reference: string, instructions: string): string {
  const root = makeProject(
    `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', labels: { '${label}': '1' }, args: { TEXT: 'hello' } });`,
    {
      'a/Dockerfile': `# syntax=${reference}\nFROM scratch\nCOPY sh /bin/sh\nARG TEXT\n${instructions}`,
      'a/sh': '',
    },
  );
  copyFileSync(busybox(), path.join(root, 'a/sh'));
  return root;
}

async function build(cwd: string, env: Record<string, string> = {}): Promise<TaskFailure | undefined> {
  const { out, err } = await runCli(['build', '--json'], { cwd, env });
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  const end = events.find((event) => event.type === 'task-finished');
  assert.is(end?.type, 'task-finished', err);
  return end?.type === 'task-finished' ? end.error : undefined;
}

test.after(async () => {
  await removeImages(await connectTestEngine(), label);
  for (const registry of registries) await registry.stop();
});

if (hasRegistry) {
  test('a frontend from a registry builds, with build args and files; its failures have their place', async () => {
    const reference = await frontendIn({});
    assert.is(await build(project(reference, 'RUN [ "$TEXT" = hello ]\n')), undefined);
    const failed = await build(project(reference, 'RUN echo no >&2; \\\n  exit 3\n'));
    const { instruction, file, line, endLine, exitCode, stderr } = failed!;
    assert.equal(
      [instruction, file, line, endLine, exitCode, stderr],
      ['RUN', 'a/Dockerfile', 5, 6, 3, ['no']],
    );
  });

  test("a frontend in a registry with a login: docker's credentials are used; without them, that is the cause", async () => {
    const reference = await frontendIn({ auth: true });
    const config = tempFolder();
    const [host] = reference.split('/');
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    writeFileSync(path.join(config, 'config.json'), JSON.stringify({ auths: { [host!]: { auth } } }));
    const cwd = project(reference, 'RUN [ "$TEXT" = hello ]\n');
    assert.is((await build(cwd, { DOCKER_CONFIG: tempFolder() }))?.cause, 'credentials');
    assert.is(await build(cwd, { DOCKER_CONFIG: config }), undefined);
  });
} else test.skip('a frontend from a registry (skipped: docker-registry is not installed)');

test.run();
