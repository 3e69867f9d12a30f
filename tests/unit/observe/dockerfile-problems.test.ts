import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { DefinitionError, type Problem } from '../../../src/model/errors.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('problems in Dockerfiles');

async function problemOf(dockerfile: string, more: Readonly<Record<string, string>> = {}, target?: string) {
  const root = tempFolder();
  writeFiles(root, { 'app/Dockerfile': dockerfile, ...more });
  const app = image({ name: 'app', context: 'app', ...(target === undefined ? {} : { target }) });
  try {
    await makeTestProject({ app }, root).plan();
  } catch (error) {
    assert.instance(error, DefinitionError);
    assert.is((error as DefinitionError).problems.length, 1);
    return (error as DefinitionError).problems[0]!;
  }
  return assert.unreachable() as never;
}

const marked = ({ place }: Problem): string =>
  `${place!.file}:${place!.line}:${place!.column} ${place!.text.slice(place!.column - 1, place!.column - 1 + place!.length)}`;

/** [Dockerfile, what is marked, message, hint] */
const cases: readonly (readonly [dockerfile: string, marked: string, message: RegExp, hint?: string])[] = [
  [
    'FROM scratch\r\n\t runn true\r\n',
    'app/Dockerfile:2:3 runn',
    /^unknown instruction RUNN$/,
    'did you mean RUN?',
  ],
  ['\uFEFFFORM scratch\n', 'app/Dockerfile:1:1 FORM', /^unknown instruction FORM$/, 'did you mean FROM?'],
  ['# a\nRUN true\nFROM scratch\n', 'app/Dockerfile:2:1 RUN', /^RUN is not allowed before/],
  ['FROM scratch\nRUN <<EOF\ntrue\n', 'app/Dockerfile:2:7 EOF', /^unterminated heredoc EOF$/],
  ['FROM scratch\nCOPY ${X /\n', 'app/Dockerfile:2:6 ${X', /^\$\{X: /],
  ['FROM scratch AS 1x\n', 'app/Dockerfile:1:17 1x', /^invalid stage name "1x"$/],
  ['FROM scratch\n  ENV\n', 'app/Dockerfile:2:3 ENV', /^ENV has no arguments$/],
  ['FROM scratch AS a b\n', 'app/Dockerfile:1:1 FROM scratch AS a b', /^invalid FROM/],
];
for (const [dockerfile, where, message, hint] of cases)
  test(`${where}`, async () => {
    const problem = await problemOf(dockerfile);
    assert.is(marked(problem), where);
    assert.match(problem.message, message);
    assert.is(problem.hint, hint);
    assert.equal([problem.file, problem.definition, problem.field], ['tasks/images.ts', 'app', 'dockerfile']);
  });

test('a wrong line of an ignore file', async () => {
  const problem = await problemOf('FROM scratch\n', { 'app/.dockerignore': 'a\n[b\n' });
  assert.is(marked(problem), 'app/.dockerignore:2:1 [b');
});

test('a target that is no stage is a problem of the definition', async () => {
  const problem = await problemOf('FROM scratch AS runtime\n', {}, 'runtim');
  assert.equal([problem.field, problem.place, problem.found], ['target', undefined, 'runtim']);
  assert.match(
    problem.message,
    /^app\/Dockerfile: there is no stage "runtim"; the named stages are runtime$/,
  );
});

test.run();
