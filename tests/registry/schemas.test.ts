import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { hasRegistry } from '../support/registry.ts';
import { type Machine, openReleaseFixture, releaseLabel } from '../support/release.ts';
import { assertValid, parseEvents } from '../support/schemas.ts';

const test = suite('JSON output with an engine and a registry has the form that the schemas describe');

/** Runs a command with `--json` and returns its events. */
async function eventsOf(
  machine: Machine,
  code: number,
  ...args: string[]
): Promise<Record<string, unknown>[]> {
  const ran = await machine.run([...args, '--json']);
  assert.is(ran.code, code, ran.err);
  return parseEvents(ran.out);
}

/** `phase id outcome` of each task that finished. */
function outcomes(events: readonly Record<string, unknown>[]): string[] {
  return events
    .filter(({ type }) => type === 'task-finished')
    .map(({ phase, id, outcome }) => `${phase} ${id} ${outcome}`);
}

interface Failure {
  readonly step?: string;
  readonly lines?: readonly string[];
}

function failureOf(events: readonly Record<string, unknown>[], id: string): Failure {
  return events.find((event) => event.id === id && event.outcome === 'failed')!.error as Failure;
}

if (hasRegistry) {
  test('a release, and the plans, graphs and runs before and after it', async () => {
    const engine = await connectTestEngine();
    const fixture = await openReleaseFixture();
    try {
      const machine = fixture.machine();
      const actionsOf = async (at: Machine): Promise<string[]> => {
        const plan = JSON.parse((await at.run(['plan', '--json', '--from-registry'])).out);
        assertValid('plan', plan);
        assertValid('graph', JSON.parse((await at.run(['graph', '--format', 'json'])).out));
        return (plan as { tasks: { action: string }[] }).tasks.map(({ action }) => action);
      };
      assert.equal(await actionsOf(machine), ['build', 'build', 'build', 'build']);

      // A build that fails.
      const dockerfile = path.join(machine.root, 'app/Dockerfile');
      const text = readFileSync(dockerfile, 'utf8');
      writeFileSync(dockerfile, `${text}RUN ["/bin/sh", "-c", "echo broken; exit 3"]\n`);
      const broken = await eventsOf(machine, 1, 'build', '--keep-going');
      assert.ok(outcomes(broken).includes('build tool:latest blocked'), String(outcomes(broken)));
      const { step, lines } = failureOf(broken, 'app:1');
      assert.ok(
        step?.includes('exit 3') && lines?.some((line) => line.includes('broken')),
        `${step}: ${lines}`,
      );
      assert.ok(broken.some(({ type, ended }) => type === 'task-progress' && ended === 'failed'));
      writeFileSync(dockerfile, text);

      // A test that fails.
      const script = path.join(machine.root, 'test.sh');
      const tests = readFileSync(script, 'utf8');
      writeFileSync(script, '#!/bin/sh\necho no; [ "$TASKS_VERSION" = 1 ]\n');
      const untested = await eventsOf(machine, 1, 'push', '--release', '--keep-going');
      assert.ok(outcomes(untested).includes('test app:2 failed'), String(outcomes(untested)));
      assert.equal(failureOf(untested, 'app:2').lines, ['no']);
      assert.not.ok(untested.some(({ phase }) => phase === 'publish'));
      writeFileSync(script, tests);
      assert.ok(outcomes(await eventsOf(machine, 0, 'test')).includes('test app:2 built'));

      // A release.
      const released = await eventsOf(machine, 0, 'push', '--release', '--output', 'release.json');
      assert.ok(outcomes(released).includes('publish tool:latest reused'), String(outcomes(released)));
      const release = JSON.parse(readFileSync(path.join(machine.root, 'release.json'), 'utf8'));
      assertValid('release', release);
      assert.equal(
        (release as { images: { task: string }[] }).images.map(({ task }) => task),
        ['app:1', 'app:2', 'tool:latest'],
      );

      const dryRun = ['push', '--suffix=-x', '--dry-run', '--json'];
      const retagged = JSON.parse((await machine.run(dryRun)).out);
      assertValid('plan', retagged);
      assert.is((retagged as { counts: { retag: number } }).counts.retag, 3);

      // A machine without images.
      await removeImages(engine, releaseLabel);
      const other = machine.clone();
      other.change('tool', 'changed');
      assert.equal(await actionsOf(other), ['skip', 'reuse', 'pull', 'build']);
      const pulled = await eventsOf(other, 0, 'build', '--from-registry');
      assert.ok(outcomes(pulled).includes('build app:2 pulled'), String(outcomes(pulled)));
    } finally {
      await removeImages(engine, releaseLabel);
      await fixture.stop();
    }
  });
} else test.skip('docker-registry is not installed');

test.run();
