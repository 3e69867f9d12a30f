// Kills a run with SIGKILL at random moments while its inputs change, and checks that no wrong result is reused, no record is
// lost and no lock remains. TASKS_KILLS=200 kills more often; TASKS_KILL_SEED=n chooses other moments.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { countFinished, killAfter } from '../support/kill-after.ts';
import { seededRandom } from '../support/random.ts';

const test = suite('e2e: kill');
const kills = Number(process.env.TASKS_KILLS ?? 15);
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

const definitions = `import { command } from 'image-tasks';
const versions = ['1', '2', '3', '4'];
export const first = command({ name: 'first', versions, run: (v) => ['./make', v], inputs: ['input'] });
export const second = command({ name: 'second', versions, run: ['./copy'], needs: { first } });
`;
/** Writes its output in two steps, so that an incomplete result could be mistaken for a complete one. */
const make =
  '#!/bin/sh\nset -e\nread -r input < input\nprintf "begin $1 " > "$TASKS_OUT/x"\nsleep 0.03\necho "$input" >> "$TASKS_OUT/x"\n';
const copy =
  '#!/bin/sh\nset -e\ncat "$TASKS_NEED_FIRST/x" > "$TASKS_OUT/y"\nsleep 0.02\necho end >> "$TASKS_OUT/y"\n';

interface Plan {
  readonly tasks: { id: string; key: string; action: string }[];
}
const planOf = async (cwd: string): Promise<Plan> => {
  const { out, err, code } = await runCli(['plan', '--json'], { cwd, env });
  assert.is(code, 0, err);
  return JSON.parse(out) as Plan;
};

/** Checks that the results of up-to-date tasks match their inputs. Returns the number of these tasks. */
async function checkResults(cwd: string, input: string): Promise<number> {
  const { tasks } = await planOf(cwd);
  const reused = tasks.filter(({ action }) => action === 'reuse');
  for (const { id, key } of reused) {
    const [name, version] = id.split(':');
    const text = readFileSync(path.join(cwd, '.cache/files', key, name === 'first' ? 'x' : 'y'), 'utf8');
    assert.is(text, `begin ${version} ${input}\n${name === 'first' ? '' : 'end\n'}`, id);
  }
  return reused.length;
}

test(`after each of ${kills} kills, results are correct, finished tasks are kept, and the next run does not wait`, async () => {
  const cwd = makeProject(definitions, { 'make*': make, 'copy*': copy, input: '0\n' });
  const random = seededRandom(Number(process.env.TASKS_KILL_SEED ?? 1));
  let kept = 0;
  for (let round = 1; round <= kills; round++) {
    // Sometimes the input changes, and sometimes back to an earlier one.
    const input = String(Math.floor(random() * 3));
    writeFileSync(path.join(cwd, 'input'), `${input}\n`);
    const { child, ended } = startCli(['build', '--json'], { cwd, env });
    const done = Math.floor(random() * 8);
    const moment = { finished: done, ms: random() * (done === 0 ? 400 : 100) };
    const cancelKill = killAfter(child, moment, () => child.kill('SIGKILL'));
    const { out } = await ended;
    cancelKill();
    const finished = countFinished(out);
    const reused = await checkResults(cwd, input);
    assert.ok(reused >= finished, `${finished} tasks were finished, but only ${reused} are kept`);
    kept += finished;
  }
  assert.ok(kept > 0, 'every kill came before any task was finished');
  writeFileSync(path.join(cwd, 'input'), 'last\n');
  const last = await runCli(['build'], { cwd, env });
  assert.is(last.code, 0, last.err);
  assert.not.match(last.err, /waiting for another tasks process/);
  assert.is(await checkResults(cwd, 'last'), 8);
});

test.run();
