// The Node API against a real engine and a real registry.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type * as Api from '../../src/app/api.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { makeProject } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { hasRegistry, startRegistry } from '../support/registry.ts';

const test = suite('the Node API: push');
const label = 'image-tasks.api-test';

if (hasRegistry) {
  test('push sets all tags, writes the release file, and reports one run', async () => {
    const api = (await import(pathToFileURL(path.resolve('dist/api.mjs')).href)) as typeof Api;
    const engine = await connectTestEngine();
    const real = await startRegistry();
    const root = makeProject(
      `import { image } from 'image-tasks';
export const app = image({ name: 'app', versions: ['1', '2'], context: 'app', labels: { '${label}': '1' } });`,
      { 'app/Dockerfile': 'FROM scratch\nCOPY f /f\n', 'app/f': '1' },
    );
    try {
      const events: Api.RunEvent[] = [];
      const project = await api.open({ directory: root, env: process.env });
      const options = { repo: `${real.host}/team`, release: true };
      const pushed = await api.push(project, { ...options, jobs: 2, onEvent: (event) => events.push(event) });
      assert.is(pushed.outcome, 'ok', pushed.error?.message);
      const { images } = pushed.release!;
      assert.equal(
        images.flatMap(({ tags }) => tags),
        [`${real.host}/team/app:1`, `${real.host}/team/app:2`],
      );
      assert.equal(JSON.parse(readFileSync(pushed.releaseFile!, 'utf8')), pushed.release);
      const registry = dockerRegistry(process.env, new AbortController().signal);
      for (const { digest, tags } of images) assert.is(await registry.head(tags[0]!), digest);
      const phases = events.flatMap((event) => (event.type === 'phase-started' ? [event.phase] : []));
      assert.equal(phases, ['build', 'test', 'upload', 'publish']);
      assert.equal(events.filter(({ type }) => type.startsWith('run-')).length, 2);

      const document = await api.plan(project, { ...options, fromRegistry: true });
      assert.equal([document.counts.build, document.counts.reuse], [0, 2]);
      const uploaded = await api.push(project, { ...options, uploadOnly: true });
      assert.equal([uploaded.outcome, uploaded.release], ['ok', undefined]);
      assert.ok(existsSync(path.join(root, '.cache/releases')));
    } finally {
      await real.stop();
      await removeImages(engine, label);
    }
  });
} else test.skip('docker-registry is not installed');

test.run();
