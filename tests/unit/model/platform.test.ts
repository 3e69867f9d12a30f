import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { normalizePlatform } from '../../../src/model/platform.ts';

const test = suite('platforms');

/** Different names of the same platform. The first one is containerd's (containerd/platforms, database.go). */
const groups = [
  ['linux/amd64', 'linux/amd64/v1', 'linux/x86_64', 'linux/x86-64', 'Linux/AMD64'],
  ['linux/arm64', 'linux/arm64/v8', 'linux/arm64/8', 'linux/aarch64', 'linux/aarch64/v8'],
  ['linux/arm/v7', 'linux/arm', 'linux/arm/7', 'linux/armhf'],
  ['linux/arm/v6', 'linux/arm/6', 'linux/armel'],
  ['linux/arm/v8', 'linux/arm/8'],
  ['linux/arm/v5', 'linux/arm/5'],
  ['linux/386', 'linux/i386'],
  ['linux/amd64/v2'],
  ['linux/arm64/v9'],
  ['linux/riscv64'],
  ['windows/amd64'],
];

for (const [normal, ...others] of groups)
  test(`${normal} has one form`, () => {
    for (const other of [normal!, ...others]) assert.is(normalizePlatform(other), normal);
  });

const platform = fc.oneof(
  fc.constantFrom(...groups.flat()),
  fc
    .tuple(
      fc.constantFrom('linux', 'windows', 'LINUX', ''),
      fc.oneof(
        fc.constantFrom('amd64', 'arm', 'arm64', 'armhf', 'x86_64', '386', 'constructor'),
        fc.string(),
      ),
      fc.oneof(fc.constantFrom('v1', 'v7', 'v8', '8', '7', ''), fc.string()),
    )
    .map(([os, architecture, variant]) => `${os}/${architecture}/${variant}`),
  fc.string(),
);

test('property: the normal form of a normal form is the same', () => {
  fc.assert(
    fc.property(platform, (text) => {
      const normal = normalizePlatform(text);
      assert.is(normalizePlatform(normal), normal);
    }),
    { numRuns: 1000 },
  );
});

test.run();
