import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isEmulated, readFormats } from '../../../src/engine/emulators.ts';
import { withEmulators } from '../../../src/engine/runnable-platforms.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('emulators');

/** What the kernel shows for Debian's qemu-aarch64 and qemu-s390x, without its flags. */
const mask = 'ffffffffffffff00fffffffffffffffffeffffff';
const aarch64 = ['7f454c460201010000000000000000000200b700', mask] as const;
const s390x = [
  '7f454c4602020100000000000000000000020016',
  'ffffffffffffff00fffffffffffffffffffeffff',
] as const;

const entry = ([magic, bits]: readonly [string, string], flags: string, state = 'enabled'): string =>
  `${state}\ninterpreter /usr/bin/qemu\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ${bits}\n`;

function formats(entries: Readonly<Record<string, string>>, status = 'enabled') {
  const folder = tempFolder();
  writeFiles(folder, { status: `${status}\n`, register: '', ...entries });
  return readFormats(folder);
}

test('a platform is emulated if the kernel hands its programs to an interpreter that it keeps open', () => {
  const both = formats({ 'qemu-aarch64': entry(aarch64, 'PF'), 'qemu-s390x': entry(s390x, 'F') })!;
  const emulated = (platform: string): boolean => isEmulated(platform, both);
  assert.equal(['linux/arm64', 'linux/arm64/v8', 'linux/aarch64', 'linux/s390x'].map(emulated), [
    true,
    true,
    true,
    true,
  ]);
  assert.equal(
    [
      'linux/arm',
      'linux/arm/v7',
      'linux/amd64',
      'linux/386',
      'linux/ppc64le',
      'linux/unknown',
      'windows/arm64',
    ].filter(emulated),
    [],
  );
});

test('an emulator that is disabled, or that containers do not find, does not count', () => {
  const runs = (entries: Readonly<Record<string, string>>, status?: string): boolean =>
    isEmulated('linux/arm64', formats(entries, status)!);
  assert.is(runs({ 'qemu-aarch64': entry(aarch64, 'OPF') }), true);
  assert.is(runs({ 'qemu-aarch64': entry(aarch64, 'OP') }), false, 'without F');
  assert.is(runs({ 'qemu-aarch64': entry(aarch64, 'PF', 'disabled') }), false);
  assert.is(runs({ 'qemu-aarch64': entry(aarch64, 'PF') }, 'disabled'), false, 'all are disabled');
  assert.is(runs({ jar: 'enabled\ninterpreter /usr/bin/jexec\nflags: F\nextension .jar\n' }), false);
  assert.is(runs({}), false);
});

test('where the formats cannot be seen, nothing is known', () => {
  assert.is(readFormats(tempFolder()), undefined);
  assert.is(readFormats(`${tempFolder()}/missing`), undefined);
});

test('the kernel decides over what the engine lists, both ways; 32-bit programs of the same kind need no emulator', () => {
  const some = formats({ 'qemu-aarch64': entry(aarch64, 'PF') })!;
  const listed = ['linux/amd64', 'linux/amd64/v2', 'linux/386'];
  assert.equal(withEmulators(listed, some, 'linux/amd64'), [...listed, 'linux/arm64']);
  assert.equal(withEmulators([...listed, 'linux/arm64'], [], 'linux/amd64'), listed);
  assert.equal(withEmulators(['linux/arm64', 'linux/arm/v7'], some, 'linux/arm64'), [
    'linux/arm64',
    'linux/arm/v7',
  ]);
  assert.equal(withEmulators(['linux/arm64', 'linux/amd64'], some, 'linux/arm64'), ['linux/arm64']);
});

test('programs of this machine begin as assumed', () => {
  // Node itself, as if it needed an interpreter.
  const magic = readFileSync(process.execPath).subarray(0, 20);
  magic[16] = 2;
  const own = formats({ own: entry([magic.toString('hex'), mask], 'F') })!;
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
  assert.is(isEmulated(`linux/${names[process.arch] ?? process.arch}`, own), true);
});

test.run();
