import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLocks } from '../../../src/cache/locks.ts';
import { isAlive, newOwner } from '../../../src/cache/owner.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('locks');
const live = new AbortController().signal;
const locksIn = (folder: string, waits: string[] = [], elapsed?: () => number) =>
  openLocks(folder, (name) => void waits.push(name), elapsed);
const fileOf = (folder: string): string => path.join(folder, 'locks/key');

/** Leaves a lock as another owner would. */
function hold(folder: string, owner: unknown): void {
  mkdirSync(path.join(folder, 'locks'), { recursive: true });
  writeFileSync(fileOf(folder), typeof owner === 'string' ? owner : JSON.stringify(owner));
}

/** A process number that was used, and is not. */
async function endedPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid!;
}

test('one holder at a time; the next waits, is told so once, and gets it', async () => {
  const folder = tempFolder();
  const waits: string[] = [];
  const locks = locksIn(folder, waits);
  const release = await locks.acquire('key', live);
  let isSecond = false;
  const second = locks.acquire('key', live).then((done) => {
    isSecond = true;
    return done;
  });
  const other = await locks.acquire('other', live);
  assert.is(isSecond, false);
  await release();
  await (await second)();
  await other();
  assert.equal(waits, ['key']);
  assert.equal(readdirSync(path.join(folder, 'locks')), []);
});

test('waiting ends with the signal', async () => {
  const folder = tempFolder();
  const release = await locksIn(folder).acquire('key', live);
  const stop = new AbortController();
  const waiting = locksIn(folder).acquire('key', stop.signal);
  stop.abort(new Error('stop'));
  await waiting.then(
    () => assert.unreachable(),
    (error) => assert.match((error as Error).message, /stop|abort/),
  );
  await release();
});

test('the lock of a process that has ended is taken over at once, of one that runs not', async () => {
  const folder = tempFolder();
  const waits: string[] = [];
  hold(folder, { ...newOwner(), pid: await endedPid() });
  await (await locksIn(folder, waits).acquire('key', live))();
  // The number of a dead holder that another process has by now.
  hold(folder, { ...newOwner(), started: '1' });
  await (await locksIn(folder, waits).acquire('key', live))();
  assert.equal(waits, []);
  assert.is(isAlive(newOwner()), true);
});

test('of many that see one dead holder exactly one at a time takes over', async () => {
  const folder = tempFolder();
  hold(folder, { ...newOwner(), pid: await endedPid() });
  let [holders, most, times] = [0, 0, 0];
  const one = async (): Promise<void> => {
    const release = await locksIn(folder).acquire('key', live);
    most = Math.max(most, ++holders);
    times++;
    await new Promise((resolve) => setImmediate(resolve));
    holders--;
    await release();
  };
  await Promise.all(Array.from({ length: 8 }, one));
  assert.equal([most, times], [1, 8]);
});

test('a holder on another machine counts while it gives signs of life, whatever its clock says; a torn lock is nobody’s after a while', async () => {
  const folder = tempFolder();
  const far = { ...newOwner(), place: 'elsewhere', pid: 1 };
  for (const [owner, seconds] of [
    [far, 60],
    ['', 2],
    ['{"id":', 2],
  ] as const) {
    hold(folder, owner);
    const [start, year] = [Date.UTC(2020, 0, 1), 365 * 86_400_000];
    let [now, looks] = [0, 0];
    const stop = new AbortController();
    // It gives a sign of life at each look, by a clock that is years behind; then it falls silent.
    const elapsed = (): number => {
      looks++;
      const beat = new Date(start + looks * year);
      if (looks < 5) utimesSync(fileOf(folder), beat, beat);
      now += (seconds * 1000) / 2 - 1;
      return now;
    };
    const release = await locksIn(folder, [], elapsed).acquire('key', stop.signal);
    assert.ok(looks >= 5, `taken from a living holder after ${looks} looks`);
    await release();
    assert.is(existsSync(fileOf(folder)), false);
  }
});

test('a holder on another machine whose clock is behind keeps its lock', async () => {
  const folder = tempFolder();
  hold(folder, { ...newOwner(), place: 'elsewhere', pid: 1 });
  const old = new Date(Date.now() - 3_600_000);
  utimesSync(fileOf(folder), old, old);
  const stop = new AbortController();
  const waiting = openLocks(
    folder,
    () => stop.abort(new Error('stop')),
    () => 0,
  ).acquire('key', stop.signal);
  await waiting.then(
    () => assert.unreachable('it was taken from a living holder'),
    () => undefined,
  );
  assert.ok(existsSync(fileOf(folder)));
});

test('a link or a pipe in the place of a lock is nobody, is taken over, and what it leads to stays as it is', async () => {
  for (const put of [
    (file: string, victim: string) => symlinkSync(victim, file),
    (file: string) => void spawnSync('mkfifo', [file]),
  ]) {
    const folder = tempFolder();
    const victim = path.join(folder, 'victim');
    // Who holds it would be alive.
    writeFileSync(victim, JSON.stringify(newOwner()));
    utimesSync(victim, 1, 1);
    mkdirSync(path.join(folder, 'locks'));
    put(fileOf(folder), victim);
    lutimesSync(fileOf(folder), 1, 1);
    const release = await locksIn(folder).acquire('key', live);
    assert.is(lstatSync(victim).mtimeMs, 1000);
    await release();
    assert.equal(readdirSync(path.join(folder, 'locks')), []);
  }
});

test.run();
