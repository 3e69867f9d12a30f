// Kills an engine in the middle of a build, and the engine or `tasks` at random moments of builds while inputs change. The engine
// is started by this test. TASKS_ENGINE_KILLS=200 kills more often; TASKS_KILL_SEED=n chooses other moments.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listImages } from '../../src/engine/queries.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { readFromImage } from '../support/docker.ts';
import { countFinished, killAfter } from '../support/kill-after.ts';
import { createPrivateEngine, privateEngineUnavailable } from '../support/private-engine.ts';
import { seededRandom } from '../support/random.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('killing the engine or tasks');
const kills = Number(process.env.TASKS_ENGINE_KILLS ?? 8);

const definitions = `import { image } from 'image-tasks';
const network = 'none';
const versions = ['1', '2', '3'];
export const base = image({ name: 'base', context: 'base', network });
export const first = image({ name: 'first', versions, context: 'first', needs: { BASE: base }, network, args: (v) => ({ V: v }) });
export const second = image({ name: 'second', versions, context: 'second', needs: { FIRST: first }, network });
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY bin /bin\n',
  'first/Dockerfile':
    'ARG BASE\nFROM $BASE\nARG V\nCOPY input more /\nRUN echo "first $V $(cat /input) $(cat /more)" > /first\n',
  'first/input': '0\n',
  'first/more': 'more\n',
  'second/Dockerfile':
    'ARG FIRST\nFROM $FIRST\nCOPY seconds /\nRUN echo "it runs"; sleep $(cat /seconds); cat /first > /second; echo end >> /second\n',
  'second/seconds': '0\n',
} as const;

function project(): string {
  const root = makeProject(definitions, files);
  writeFiles(root, { 'base/bin/': '' });
  for (const name of ['sh', 'cat', 'sleep']) {
    copyFileSync(busybox(), path.join(root, 'base/bin', name));
    chmodSync(path.join(root, 'base/bin', name), 0o755);
  }
  return root;
}

if (privateEngineUnavailable !== undefined) test.skip(`(skipped: ${privateEngineUnavailable})`);
else {
  const engine = createPrivateEngine();
  const { env } = engine;

  interface PlannedTask {
    readonly id: string;
    readonly key: string;
    readonly action: string;
  }
  const planOf = async (cwd: string): Promise<PlannedTask[]> => {
    const { out, err, code } = await runCli(['plan', '--json'], { cwd, env });
    assert.is(code, 0, err);
    return (JSON.parse(out) as { tasks: PlannedTask[] }).tasks;
  };

  /** Checks that every tagged image with the key of an up-to-date task matches the inputs. Returns how many tasks are up to date. */
  const checkImages = async (cwd: string, input: string): Promise<number> => {
    const reused = (await planOf(cwd)).filter(({ action }) => action === 'reuse');
    const images = (await listImages(engine.api)).filter(({ tags }) => tags.length > 0);
    for (const { id, key } of reused) {
      const [name, version] = id.split(':') as [string, string];
      const withKey = images.filter(({ labels }) => labels['image-tasks.key'] === key);
      assert.ok(withKey.length > 0, `${id} is up to date, but its image is missing`);
      if (name === 'base') continue;
      const expected = `first ${version} ${input} more\n${name === 'first' ? '' : 'end\n'}`;
      for (const image of withKey)
        assert.is(await readFromImage(engine.api, image.id, `/${name}`), expected, id);
    }
    return reused.length;
  };
  test.before(async () => await engine.start());
  test.after(async () => await engine.close());

  test('if the engine is killed during a build, tasks exits with 3, keeps finished tasks, and the next run resumes', async () => {
    const cwd = project();
    writeFileSync(path.join(cwd, 'second/seconds'), '60\n');
    const { printed, ended } = startCli(['build', '--verbose', '-j1'], { cwd, env });
    await printed('it runs');
    await engine.kill();
    const { code, err } = await ended;
    assert.is(code, 3, err);
    assert.match(err, /(cannot connect|lost the connection) to the docker engine at unix:/);
    assert.match(err, /\d built, 1 failed/);
    const built = Number(/(\d) built, 1 failed/.exec(err)![1]);
    assert.ok(built >= 2, err);

    const withoutEngine = await runCli(['build'], { cwd, env });
    assert.is(withoutEngine.code, 3, withoutEngine.err);

    await engine.start();
    assert.is(await checkImages(cwd, '0'), built);
    writeFileSync(path.join(cwd, 'second/seconds'), '0\n');
    const next = await runCli(['build'], { cwd, env });
    assert.is(next.code, 0, next.err);
    assert.is(await checkImages(cwd, '0'), 7);
  });

  test(`after ${kills} kills, reused images are correct, finished tasks are kept, and the next run resumes immediately`, async () => {
    const cwd = project();
    const random = seededRandom(Number(process.env.TASKS_KILL_SEED ?? 1));
    const count = { kept: 0, engineKills: 0, late: 0 };
    for (let round = 1; round <= kills; round++) {
      // Half of the inputs are new; the others may have been built before.
      const input = random() < 0.5 ? `new ${round}` : String(Math.floor(random() * 3));
      writeFileSync(path.join(cwd, 'first/input'), `${input}\n`);
      const { child, ended } = startCli(['build', '--json'], { cwd, env });
      const killsEngine = random() < 0.25;
      const done = Math.floor(random() * 7);
      const moment = { finished: done, ms: random() * (done === 0 ? 900 : 300) };
      const cancelKill = killAfter(child, moment, () => {
        if (killsEngine) void engine.kill();
        else child.kill('SIGKILL');
      });
      const { out, code } = await ended;
      cancelKill();
      if (killsEngine) {
        await engine.kill();
        await engine.start();
        assert.ok(code === 0 || code === 3 || code === 1, `exit code ${code}`);
        count.engineKills++;
      }
      if (code === 0) count.late++;
      const finished = countFinished(out);
      const reused = await checkImages(cwd, input);
      assert.ok(reused >= finished, `${finished} were finished, ${reused} are kept`);
      count.kept += finished;
    }
    assert.ok(count.kept > 0, 'every kill came before the first task finished, so this run proves nothing');
    writeFileSync(path.join(cwd, 'first/input'), 'last\n');
    const last = await runCli(['build'], { cwd, env });
    assert.is(last.code, 0, last.err);
    assert.not.match(last.err, /waiting for another tasks process/);
    assert.is(await checkImages(cwd, 'last'), 7);
    process.stdout.write(
      `${kills} kills, ${count.engineKills} of the engine, ${count.late} after the end; ${count.kept} tasks finished, all kept\n`,
    );
  });
}

test.run();
