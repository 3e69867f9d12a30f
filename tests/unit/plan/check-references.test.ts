import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { checkReferences } from '../../../src/plan/check-references.ts';
import type { Naming } from '../../../src/plan/refs.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('references');

interface Case {
  readonly name?: number;
  readonly version?: number;
  readonly alias?: number;
  readonly naming?: Partial<Naming>;
  readonly publish?: boolean;
}

/** Returns the message of the error for names of the given lengths, or undefined if they are accepted. */
function errorOf({ name = 1, version = 1, alias, naming, publish = true }: Case): string | undefined {
  const app = image({
    name: 'n'.repeat(name),
    versions: ['v'.repeat(version)],
    context: 'c',
    publish,
    aliases: alias === undefined ? [] : ['a'.repeat(alias)],
  });
  try {
    const graph = graphOf({ app, files: command({ name: 'c'.repeat(240), run: ['x'] }) });
    checkReferences(graph.tasks.values(), {
      repo: 'registry.example/team',
      suffix: '',
      timed: false,
      ...naming,
    });
    return undefined;
  } catch (error) {
    assert.instance(error, DefinitionError);
    assert.is((error as DefinitionError).exitCode, 2);
    return (error as Error).message;
  }
}

const cacheRepo = 'registry.example/cache';
const valid: [string, Case][] = [
  ['a long version', { version: 100 }],
  ['a long version with a suffix', { version: 100, naming: { suffix: 's'.repeat(28) } }],
  ['a name and a version in one repository', { name: 39, version: 60, naming: { cacheRepo } }],
  ['a long name', { name: 233 }],
  [
    'a long suffix without published images',
    { version: 100, naming: { suffix: 's'.repeat(29) }, publish: false },
  ],
];
for (const [what, lengths] of valid) test(`${what} is valid`, () => assert.is(errorOf(lengths), undefined));

const invalid: [string, Case, RegExp][] = [
  ['a version', { version: 101 }, /at most 100 characters/],
  [
    'a tag with the suffix',
    { version: 100, naming: { suffix: 's'.repeat(29) } },
    /at most 128 characters, not 129[\s\S]*--suffix/,
  ],
  ['an alias with the suffix', { alias: 100, naming: { suffix: 's'.repeat(29) } }, /at most 128 characters/],
  [
    'a name with a version in one repository',
    { name: 40, version: 60, naming: { cacheRepo } },
    /registry\.example\/cache[\s\S]*not 129/,
  ],
  ['a repository', { name: 234 }, /at most 255 characters, not 256/],
  [
    'a repository of Docker Hub',
    { name: 225, naming: { repo: 'a'.repeat(20) } },
    /at most 255 characters, not 256/,
  ],
  ['a name', { name: 242 }, /at most 241 characters/],
];
test('a repository of images cannot have build caches, too', () => {
  for (const naming of [
    { repo: 'team', cacheTo: 'team/n' },
    { cacheRepo, cacheTo: cacheRepo },
  ])
    assert.match(errorOf({ naming }) ?? 'none', /also that of the build caches/);
  const familiar = { repo: 'team', cacheTo: 'docker.io/team/n' };
  assert.match(errorOf({ naming: familiar }) ?? 'none', /also that of the build caches/);
  assert.is(errorOf({ naming: { cacheRepo, cacheTo: `${cacheRepo}/steps` } }), undefined);
});

for (const [what, lengths, message] of invalid)
  test(`${what} that is too long is a definition error`, () =>
    assert.match(errorOf(lengths) ?? 'none', message));

test.run();
