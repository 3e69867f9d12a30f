// An engine that is killed in the middle of a build, and `tasks` killed at random moments of builds with a real engine, while
// inputs change. The engine is one of our own. TASKS_ENGINE_KILLS=200 kills more often; TASKS_KILL_SEED=n has other moments.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { extract } from 'tar-stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listImages } from '../../src/engine/api.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { countFinished, killAfter } from '../support/kill-after.ts';
import { createPrivateEngine, privateEngineUnavailable } from '../support/private-engine.ts';
import { seededRandom } from '../support/random.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('death, with an engine of our own');
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

  interface Planned {
    readonly id: string;
    readonly key: string;
    readonly action: string;
  }
  const planOf = async (cwd: string): Promise<Planned[]> => {
    const { out, err, code } = await runCli(['plan', '--json'], { cwd, env });
    assert.is(code, 0, err);
    return (JSON.parse(out) as { tasks: Planned[] }).tasks;
  };

  /** The text of a file in an image. */
  const textIn = async (image: string, file: string): Promise<string> => {
    const body = { Image: image, Cmd: ['x'], NetworkDisabled: true };
    const created = await engine.api.request({ method: 'POST', path: '/containers/create', body });
    assert.is(created.status, 201, created.body.toString());
    const { Id } = JSON.parse(created.body.toString()) as { Id: string };
    const archive = await engine.api.request({ path: `/containers/${Id}/archive?path=${file}` });
    await engine.api.request({ method: 'DELETE', path: `/containers/${Id}?force=1` });
    let text = '';
    const unpack = extract();
    unpack.on('entry', (_header, stream, next) => {
      stream.on('data', (data) => (text += data));
      stream.on('end', next);
    });
    await new Promise<void>((resolve, reject) => {
      unpack.on('finish', () => resolve()).on('error', reject);
      unpack.end(archive.body);
    });
    return text;
  };

  /** Every image that stands under a tag and carries the key of a task that would be reused is what the inputs make. */
  const check = async (cwd: string, input: string): Promise<number> => {
    const reused = (await planOf(cwd)).filter(({ action }) => action === 'reuse');
    const images = (await listImages(engine.api)).filter(({ tags }) => tags.length > 0);
    for (const { id, key } of reused) {
      const [name, version] = id.split(':') as [string, string];
      const own = images.filter(({ labels }) => labels['image-tasks.key'] === key);
      assert.ok(own.length > 0, `${id} would be reused, and there is no such image`);
      if (name === 'base') continue;
      const made = `first ${version} ${input} more\n`;
      for (const each of own)
        assert.is(await textIn(each.id, `/${name}`), name === 'first' ? made : `${made}end\n`, id);
    }
    return reused.length;
  };
  test.before(async () => await engine.start());
  test.after(async () => await engine.close());

  test('an engine that is killed in a build: exit code 3, what finished is kept, the next run goes on', async () => {
    const cwd = project();
    writeFileSync(path.join(cwd, 'second/seconds'), '60\n');
    const { printed, ended } = startCli(['build', '--verbose', '-j1'], { cwd, env });
    await printed('it runs');
    await engine.kill();
    const { code, err } = await ended;
    assert.is(code, 3, err);
    assert.match(err, /no docker engine answers at unix:|the docker engine at .* broke off/);
    assert.match(err, /\d built, 1 failed/);
    const built = Number(/(\d) built, 1 failed/.exec(err)![1]);
    assert.ok(built >= 2, err);

    const without = await runCli(['build'], { cwd, env });
    assert.is(without.code, 3, without.err);

    await engine.start();
    assert.is(await check(cwd, '0'), built);
    writeFileSync(path.join(cwd, 'second/seconds'), '0\n');
    const next = await runCli(['build'], { cwd, env });
    assert.is(next.code, 0, next.err);
    assert.is(await check(cwd, '0'), 7);
  });

  test(`${kills} kills: what is reused is right, what was finished is kept, and the next run goes on at once`, async () => {
    const cwd = project();
    const dice = seededRandom(Number(process.env.TASKS_KILL_SEED ?? 1));
    const count = { kept: 0, ofEngine: 0, late: 0 };
    for (let round = 1; round <= kills; round++) {
      // Now and then the input changes, and now and then back to one that was built before; never seen ones are in between.
      const input = dice() < 0.5 ? `new ${round}` : String(Math.floor(dice() * 3));
      writeFileSync(path.join(cwd, 'first/input'), `${input}\n`);
      const { child, ended } = startCli(['build', '--json'], { cwd, env });
      const isOfEngine = dice() < 0.25;
      const done = Math.floor(dice() * 7);
      const moment = { finished: done, ms: dice() * (done === 0 ? 900 : 300) };
      const takeBack = killAfter(child, moment, () => {
        if (isOfEngine) void engine.kill();
        else child.kill('SIGKILL');
      });
      const { out, code } = await ended;
      takeBack();
      if (isOfEngine) {
        await engine.kill();
        await engine.start();
        assert.ok(code === 0 || code === 3 || code === 1, `exit code ${code}`);
        count.ofEngine++;
      }
      if (code === 0) count.late++;
      const finished = countFinished(out);
      const reused = await check(cwd, input);
      assert.ok(reused >= finished, `${finished} were finished, ${reused} are kept`);
      count.kept += finished;
    }
    assert.ok(count.kept > 0, 'every kill came before anything was finished: they show nothing');
    writeFileSync(path.join(cwd, 'first/input'), 'last\n');
    const last = await runCli(['build'], { cwd, env });
    assert.is(last.code, 0, last.err);
    assert.not.match(last.err, /waiting for another run/);
    assert.is(await check(cwd, 'last'), 7);
    process.stdout.write(
      `${kills} kills, ${count.ofEngine} of the engine, ${count.late} after the end; ${count.kept} tasks finished, all kept\n`,
    );
  });
}

test.run();
