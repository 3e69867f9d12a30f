import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { checkNameLengths } from '../../../src/plan/name-lengths.ts';
import type { Naming } from '../../../src/plan/refs.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('lengths of names');

interface Case {
  readonly name?: number;
  readonly version?: number;
  readonly alias?: number;
  readonly naming?: Partial<Naming>;
  readonly publish?: boolean;
}

function fault({ name = 1, version = 1, alias, naming, publish = true }: Case): string | undefined {
  const made = image({
    name: 'n'.repeat(name),
    versions: ['v'.repeat(version)],
    context: 'c',
    publish,
    aliases: alias === undefined ? [] : ['a'.repeat(alias)],
  });
  try {
    const graph = graphOf({ made, files: command({ name: 'c'.repeat(240), run: ['x'] }) });
    checkNameLengths(graph.tasks.values(), {
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
const fits: [string, Case][] = [
  ['a long version', { version: 100 }],
  ['a long version with a suffix', { version: 100, naming: { suffix: 's'.repeat(28) } }],
  ['a name and a version in one repository', { name: 39, version: 60, naming: { cacheRepo } }],
  ['a long name', { name: 233 }],
  ['a suffix that nothing gets', { version: 100, naming: { suffix: 's'.repeat(29) }, publish: false }],
];
for (const [what, given] of fits) test(`${what} fits`, () => assert.is(fault(given), undefined));

const wrong: [string, Case, RegExp][] = [
  ['a version', { version: 101 }, /100 characters at most/],
  [
    'a tag with the suffix',
    { version: 100, naming: { suffix: 's'.repeat(29) } },
    /128 characters at most, not 129[\s\S]*--suffix/,
  ],
  ['an alias with the suffix', { alias: 100, naming: { suffix: 's'.repeat(29) } }, /128 characters at most/],
  [
    'a name with a version in one repository',
    { name: 40, version: 60, naming: { cacheRepo } },
    /registry\.example\/cache[\s\S]*not 129/,
  ],
  ['a repository', { name: 234 }, /255 characters at most, not 256/],
  [
    'a repository of Docker Hub',
    { name: 225, naming: { repo: 'a'.repeat(20) } },
    /255 characters at most, not 256/,
  ],
  ['a name', { name: 242 }, /241 characters at most/],
];
for (const [what, given, message] of wrong)
  test(`${what} that is too long: exit 2, with what would be`, () =>
    assert.match(fault(given) ?? 'none', message));

test.run();
