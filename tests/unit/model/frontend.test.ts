import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { builtInFrontend, firstDockerWith } from '../../../src/model/frontend.ts';

const test = suite('built-in Dockerfile frontends');
const minorOf = (version: string, apiVersion: string): number | undefined =>
  builtInFrontend(version, apiVersion)?.minor;

test("are known from docker's version, whoever packaged it", () => {
  const known: readonly [string, string, number][] = [
    ['20.10.24+dfsg1', '1.41', 2],
    ['23.0.0', '1.42', 4],
    ['24.0.9-1', '1.43', 5],
    ['25.0.5', '1.44', 6],
    ['26.1.5+dfsg1', '1.45', 7],
    ['27.0.3', '1.46', 8],
    ['27.2.1', '1.47', 9],
    ['27.5.1', '1.47', 12],
    ['28.0.0', '1.48', 14],
    ['28.5.2+dfsg4', '1.51', 19],
    ['29.0.4', '1.52', 19],
    ['29.7.2', '1.55', 26],
  ];
  for (const [version, api, minor] of known) assert.is(minorOf(version, api), minor, version);
  assert.equal(builtInFrontend('26.1.5', '1.45'), { minor: 7, isLabs: false });
});

test('otherwise they are the newest that the API version allows', () => {
  assert.is(minorOf('library-import', '1.42'), 4);
  assert.is(minorOf('4.9.4', '1.41'), 2, 'another engine');
  assert.is(minorOf('dev', '1.51'), 19);
});

test('are not known for newer engines than all that are known', () => {
  for (const [version, api] of [
    ['29.8.0', '1.56'],
    ['30.0.0', '1.60'],
    ['library-import', '1.54'],
    ['?', '0.0'],
  ] as const)
    assert.is(minorOf(version, api), undefined, version);
});

test('the first docker version with a frontend is named briefly', () => {
  assert.equal([4, 10, 13, 14, 20, 27].map(firstDockerWith), ['23', '27.3', '28', '28', '29.1', undefined]);
});

test.run();
