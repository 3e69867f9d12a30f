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
  openLocks(folder, (name, pid) => void waits.push(`${name} ${pid}`), elapsed);
const fileOf = (folder: string): string => path.join(folder, 'locks/key');

/** Writes a lock file as another owner would. */
function writeLock(folder: string, owner: unknown): void {
  mkdirSync(path.join(folder, 'locks'), { recursive: true });
  writeFileSync(fileOf(folder), typeof owner === 'string' ? owner : JSON.stringify(owner));
}

/** Returns the pid of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid!;
}

test('a lock has one holder at a time; the next one waits, is notified once, and gets it', async () => {
  const folder = tempFolder();
  const waits: string[] = [];
  const locks = locksIn(folder, waits);
  const release = await locks.acquire('key', live);
  let isSecond = false;
  const second = locks.acquire('key', live).then((releaseSecond) => {
    isSecond = true;
    return releaseSecond;
  });
  const other = await locks.acquire('other', live);
  assert.is(isSecond, false);
  await release();
  await (await second)();
  await other();
  assert.equal(waits, [`key ${process.pid}`]);
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

test('the lock of a process that has ended is taken over at once, even if its pid is reused', async () => {
  const folder = tempFolder();
  const waits: string[] = [];
  writeLock(folder, { ...newOwner(), pid: await endedPid() });
  await (await locksIn(folder, waits).acquire('key', live))();
  // Another process has the pid of the dead holder.
  writeLock(folder, { ...newOwner(), started: '1' });
  await (await locksIn(folder, waits).acquire('key', live))();
  assert.equal(waits, []);
  assert.is(isAlive(newOwner()), true);
});

test('if many processes see a dead holder, they get the lock one at a time', async () => {
  const folder = tempFolder();
  writeLock(folder, { ...newOwner(), pid: await endedPid() });
  let [holders, maxHolders, acquired] = [0, 0, 0];
  const acquireOnce = async (): Promise<void> => {
    const release = await locksIn(folder).acquire('key', live);
    maxHolders = Math.max(maxHolders, ++holders);
    acquired++;
    await new Promise((resolve) => setImmediate(resolve));
    holders--;
    await release();
  };
  await Promise.all(Array.from({ length: 8 }, acquireOnce));
  assert.equal([maxHolders, acquired], [1, 8]);
});

test('a holder on another machine keeps its lock while it sends heartbeats, whatever its clock says; a truncated lock is abandoned after a while', async () => {
  const folder = tempFolder();
  const remoteOwner = { ...newOwner(), place: 'elsewhere', pid: 1 };
  for (const [owner, seconds] of [
    [remoteOwner, 60],
    ['', 2],
    ['{"id":', 2],
  ] as const) {
    writeLock(folder, owner);
    const [start, year] = [Date.UTC(2020, 0, 1), 365 * 86_400_000];
    let [now, polls] = [0, 0];
    const stop = new AbortController();
    // It sends a heartbeat before each poll, by a clock that is years behind; then it stops.
    const elapsed = (): number => {
      polls++;
      const heartbeat = new Date(start + polls * year);
      if (polls < 5) utimesSync(fileOf(folder), heartbeat, heartbeat);
      now += (seconds * 1000) / 2 - 1;
      return now;
    };
    const release = await locksIn(folder, [], elapsed).acquire('key', stop.signal);
    assert.ok(polls >= 5, `taken from a living holder after ${polls} polls`);
    await release();
    assert.is(existsSync(fileOf(folder)), false);
  }
});

test('a holder on another machine whose clock is behind keeps its lock', async () => {
  const folder = tempFolder();
  writeLock(folder, { ...newOwner(), place: 'elsewhere', pid: 1 });
  const old = new Date(Date.now() - 3_600_000);
  utimesSync(fileOf(folder), old, old);
  const stop = new AbortController();
  const waiting = openLocks(
    folder,
    () => stop.abort(new Error('stop')),
    () => 0,
  ).acquire('key', stop.signal);
  await waiting.then(
    () => assert.unreachable('taken from a living holder'),
    () => undefined,
  );
  assert.ok(existsSync(fileOf(folder)));
});

test('a link or a pipe in place of a lock file is replaced, and the target of the link stays unchanged', async () => {
  for (const create of [
    (file: string, target: string) => symlinkSync(target, file),
    (file: string) => void spawnSync('mkfifo', [file]),
  ]) {
    const folder = tempFolder();
    const target = path.join(folder, 'target');
    // An owner that is alive.
    writeFileSync(target, JSON.stringify(newOwner()));
    utimesSync(target, 1, 1);
    mkdirSync(path.join(folder, 'locks'));
    create(fileOf(folder), target);
    lutimesSync(fileOf(folder), 1, 1);
    const release = await locksIn(folder).acquire('key', live);
    assert.is(lstatSync(target).mtimeMs, 1000);
    await release();
    assert.equal(readdirSync(path.join(folder, 'locks')), []);
  }
});

test.run();
