import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DefinitionError, type Problem, TasksError } from '../../../src/model/errors.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { errorLines } from '../../../src/report/problems.ts';

const test = suite('errors as text');
const plain = makePaint(false);

const problem = (text: string, meant: string, more: Partial<Problem> = {}): Problem => ({
  file: 'tasks/images.ts',
  definition: 'app',
  field: 'context',
  message: 'folder not found',
  place: {
    file: 'tasks/images.ts',
    line: 12,
    column: text.indexOf(meant) + 1,
    length: meant.length,
    text,
  },
  ...more,
});

const textOf = (problems: readonly Problem[], columns?: number): string =>
  errorLines(new DefinitionError(problems), plain, columns).join('\n');

test('a problem shows its place, its line with a mark, and what was found and expected', () => {
  const details = { found: '"ap"', expected: 'a folder', hint: 'did you mean app?' };
  assert.is(
    textOf([problem("  context: 'ap',", "'ap'", details), { file: 'tasks', message: 'no place' }]),
    `error: tasks/images.ts:12:12 › app › context: folder not found
 12 │   context: 'ap',
    │            ^^^^
  found:    "ap"
  expected: a folder
  hint:     did you mean app?

error: tasks: no place`,
  );
});

test('a tab is two columns wide, above the mark, too', () => {
  assert.is(
    textOf([problem("\t\tcontext: 'ap'", "'ap'")])
      .split('\n')
      .at(-1),
    '    │              ^^^^',
  );
});

test('a line that does not fit is cut, and what is meant stays in sight', () => {
  const text = `export const app = image({ name: 'app', ${'x'.repeat(200)}: 1, context: 'ap', more: ${'y'.repeat(200)} });`;
  for (const columns of [60, 100, 160]) {
    const [, line, marks] = textOf([problem(text, "'ap'")], columns).split('\n');
    assert.ok(line!.length < columns, line);
    assert.is(line!.slice(marks!.indexOf('^'), marks!.lastIndexOf('^') + 1), "'ap'");
    assert.match(line!, /│ ….*…$/);
  }
  const long = `context: '${'z'.repeat(300)}'`;
  const [, line, marks] = textOf([problem(long, `'${'z'.repeat(300)}'`)], 60).split('\n');
  assert.ok(line!.length < 60 && marks!.length < 60, `${line}\n${marks}`);
});

test('colors: the error and the mark are red, the place is bold', () => {
  const [title, line, marks] = errorLines(
    new DefinitionError([problem("context: 'ap'", "'ap'")]),
    makePaint(true),
  );
  assert.is(
    title,
    '\x1b[31merror:\x1b[39m \x1b[1mtasks/images.ts:12:10 › app › context\x1b[22m: folder not found',
  );
  assert.is(line, " \x1b[2m12\x1b[22m \x1b[2m│\x1b[22m context: 'ap'");
  assert.is(marks, '    \x1b[2m│\x1b[22m          \x1b[31m^^^^\x1b[39m');
});

test('other errors: a message and a hint', () => {
  assert.equal(errorLines(new TasksError(2, 'no', { hint: 'do' }), plain), ['error: no', 'hint: do']);
  assert.equal(errorLines(new TasksError(2, 'no'), plain), ['error: no']);
});

test('the message of the error names places, for programs', () => {
  assert.match(
    new DefinitionError([problem("context: 'ap'", "'ap'")]).message,
    /^tasks\/images\.ts:12:10 › app/,
  );
});

test.run();
