import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isSettled, openFileSystemClock, readFileSystemClock, type Stamp } from '../../../src/disk/stamp.ts';
import { temporaryName, writeFileAtomic, writeNewFile } from '../../../src/disk/write.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('stamps, clocks, and atomic writes');

/** Returns the stamp of a file changed at `time` on a file system with this tick, both in milliseconds. */
const stampAt = (time: number, tick: number): Stamp => {
  const coarse = tick === 0 ? time : Math.floor(time / tick) * tick;
  return [1, coarse, coarse, 1];
};

test('property: any later change changes a settled stamp, at any tick of the file system', () => {
  const second = 1_800_000_000_000;
  fc.assert(
    fc.property(
      fc.constantFrom(2000, 1000, 10, 0.25),
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: 0, max: 4000 }),
      fc.integer({ min: 0, max: 4000 }),
      (tick, at, read, more) => {
        // Odd numbers of microseconds, so that fine clocks give no round times.
        const changed = second + at + 0.125;
        const clock = changed + read + 0.0625;
        const stamp = stampAt(changed, tick);
        if (!isSettled(stamp, clock)) return;
        const later = stampAt(clock + more, tick);
        assert.is.not(later[1], stamp[1], `changed at ${changed}, clock ${clock}, again at ${clock + more}`);
      },
    ),
  );
});

test('a stamp of whole seconds is settled after two seconds, another one at once', () => {
  const at = 1_800_000_000_000;
  const stamp = (time: number): Stamp => [1, time, time, 1];
  assert.equal(
    [1, 999, 1999, 2001].map((more) => isSettled(stamp(at), at + more)),
    [false, false, false, true],
  );
  assert.is(isSettled([1, 1e12, at, 1], at + 1500), false, 'by its ctime');
  assert.is(isSettled(stamp(at + 0.5), at + 0.6), true);
});

test('the clock leaves no file and follows no link', () => {
  const folder = tempFolder();
  const file = path.join(folder, 'state/memo');
  mkdirSync(path.dirname(file));
  writeFileSync(path.join(folder, 'victim'), 'text');
  symlinkSync(path.join(folder, 'victim'), `${file}.clock`);
  const time = readFileSystemClock(file);
  assert.ok(time > 0);
  assert.is(readFileSync(path.join(folder, 'victim'), 'utf8'), 'text');
  assert.equal(readdirSync(path.dirname(file)), ['memo.clock']);
});

test('a stamp of another file system is settled only if its times come from the same clock', () => {
  const clock = openFileSystemClock(path.join(tempFolder(), 'memo'));
  const old: Stamp = [1, 1e12 + 0.5, 1e12 + 0.5, 1];
  // The type of /proc is not in the list of local file systems, like that of a network file system.
  assert.is(clock.isSettled(old, -7, '/proc'), false);
  assert.is(clock.isSettled(old, -8, tempFolder()), true);
});

test('writing never follows a link, and temporary names are unique', () => {
  const folder = tempFolder();
  const [victim, file] = [path.join(folder, 'victim'), path.join(folder, 'file')];
  writeFileSync(victim, 'text');
  symlinkSync(victim, file);
  assert.throws(() => writeNewFile(file, 'x'), /EEXIST/);
  writeFileAtomic(file, 'new');
  assert.equal([readFileSync(victim, 'utf8'), readFileSync(file, 'utf8')], ['text', 'new']);
  assert.is.not(temporaryName(file), temporaryName(file));
  symlinkSync(path.join(folder, 'made'), path.join(folder, 'dangling'));
  assert.throws(() => writeNewFile(path.join(folder, 'dangling'), 'x'), /EEXIST/);
  assert.is(existsSync(path.join(folder, 'made')), false);
  assert.equal(readdirSync(folder).sort(), ['dangling', 'file', 'victim']);
});

test.run();
