import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../../src/model/events.ts';
import { makePaint } from '../../../src/report/paint.ts';
import {
  disarmCiCommands,
  jsonLine,
  sanitize,
  sanitizeColored,
  sanitizeEvent,
} from '../../../src/report/sanitize.ts';

const test = suite('report/sanitize');
const esc = '\x1b';

/** Text that controls a terminal, in all forms of ECMA-48. */
const hostile: Readonly<Record<string, string>> = {
  'a window title': `${esc}]0;pwned\x07`,
  'a window title ended by ST': `${esc}]0;pwned${esc}\\`,
  'the clipboard': `${esc}]52;c;cHduZWQ=\x07`,
  'a link': `${esc}]8;;http://evil\x07`,
  'a string that never ends': `${esc}]0;pwned`,
  'a device control string': `${esc}Ptmux;x${esc}\\`,
  'an application program command': `${esc}_Gf=100;AAAA${esc}\\`,
  'a cursor movement': `${esc}[1A`,
  'an erased screen': `${esc}[2J`,
  'eight-bit control codes': '\x9b2J\x9d0;pwned\x9c',
  'a reset': `${esc}c`,
  'a character set': `${esc}(0`,
  'a return to the start of the line': 'good\rbad',
  'a bell, a backspace, a delete': '\x07\x08\x7f',
  'reordered text': '\u202egnp.exe\u2066x\u2069',
};

/** Characters that control a terminal. */
const dangerous = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

for (const [what, text] of Object.entries(hostile))
  test(`${what} does not reach the terminal`, () => {
    assert.not.match(sanitize(`before ${text} after`), dangerous);
    assert.not.match(sanitizeColored(`before ${text} after`), dangerous);
    assert.match(sanitize(`before ${text} after`), /^before .*after$/);
  });

test('line feeds, tabs and the text around a sequence are kept', () => {
  assert.is(sanitize(`one\r\ntwo\t${esc}[31mred${esc}[0m\n`), 'one\ntwo\tred\n');
});

test('an unterminated string does not remove the lines after it', () => {
  assert.match(sanitize(`${esc}]0;title\nerror: what matters\n`), /\nerror: what matters\n$/);
});

test('the colors of reporters are kept, other colors are removed', () => {
  const paint = makePaint(true);
  const painted = `${paint.good('✔')} ${paint.dim(`│ ${paint.bold('x')}`)} ${paint.bad('no')} ${paint.warn('!')}`;
  assert.is(sanitizeColored(painted), painted);
  assert.is(sanitizeColored(`${esc}[8mhidden${esc}[0m`), 'hidden');
  assert.is(sanitize(`${esc}[32mgreen${esc}[39m`), 'green');
});

test('random text: nothing dangerous is left, and clean text does not change', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...Object.values(hostile), '\x1b', '\x9b', '[', ']0;', 'm'),
    ),
  );
  fc.assert(
    fc.property(pieces, (all) => {
      const text = all.join('');
      assert.not.match(sanitize(text), dangerous);
      assert.not.match(sanitizeColored(text).replace(/\x1b\[(1|2|22|31|32|33|39)m/g, ''), dangerous);
      if (!dangerous.test(text)) assert.is(sanitize(text), text);
    }),
  );
});

test('long hostile text takes linear time', () => {
  const length = 300_000;
  for (const piece of ['\r', esc, `${esc}[`, `${esc}]0;`, ';a', '##', ' ', ':'])
    disarmCiCommands(sanitizeColored(`${esc}[${piece.repeat(length / piece.length)}`));
});

test('events: output, progress and all parts of an error are sanitized; clean events are returned as they are', () => {
  const time = '2026-01-01T00:00:00.000Z';
  const text = `x${esc}]0;pwned\x07`;
  const events: RunEvent[] = [
    { type: 'task-output', phase: 'build', time, id: 'a', line: text },
    { type: 'task-progress', phase: 'build', time, id: 'a', text },
    {
      type: 'task-finished',
      phase: 'build',
      time,
      id: 'a',
      outcome: 'failed',
      ms: 1,
      error: { message: `${text}\nhint`, step: text, lines: [text, text], log: text },
    },
  ];
  for (const event of events) assert.not.match(JSON.stringify(sanitizeEvent(event)), /\\u001b|pwned/);
  const clean: RunEvent = { type: 'task-output', phase: 'build', time, id: 'a', line: 'clean' };
  assert.is(sanitizeEvent(clean), clean);
});

test('JSON keeps its meaning and contains nothing that controls a terminal or a CI service', () => {
  const value = {
    name: `${esc}[2J\x9b2J\x7f ##[add-mask]x ##vso[x] ##teamcity[x`,
    rest: ['::stop-commands::x'],
  };
  const line = jsonLine(value);
  assert.equal(JSON.parse(line), value);
  assert.not.match(line.trimEnd(), dangerous);
  assert.not.match(line, /##\[|##vso\[|##teamcity\[/);
});

/** Returns the command that GitHub's runner finds in a line (actions/runner, src/Runner.Common/ActionCommand.cs). */
function commandIn(line: string): string | undefined {
  const trimmed = line.trimStart();
  const end = trimmed.startsWith('::') ? trimmed.indexOf('::', 2) : -1;
  if (end >= 0) return trimmed.slice(2, end).split(' ')[0];
  const start = line.indexOf('##[');
  const close = start < 0 ? -1 : line.indexOf(']', start);
  return close < 0 ? undefined : line.slice(start + 3, close).split(' ')[0];
}

test('axes in events are sanitized', () => {
  const tasks = [
    { id: 'a:1', action: 'build', needs: [], axes: { 'o\u001b[31ms': 'deb\u001b]0;x\u0007ian' } },
    { id: 'b:1', action: 'build', needs: [] },
  ] as const;
  const time = '2026-11-12T14:02:00.000Z';
  const event = sanitizeEvent({ type: 'run-started', time, command: 'build', jobs: 1, tasks });
  assert.not.match(JSON.stringify(event), /\\u00(1b|07)/);
  assert.match(JSON.stringify(event), /"a:1".*"b:1"/);
});

test('a CI service finds no command in text', () => {
  const lines = [
    '::stop-commands::token',
    '  \t ::add-mask::x',
    '\u00a0::error::x',
    ':::error::x',
    '#5 0.1 ##[set-output name=image;]evil/app',
    '##vso[task.setvariable variable=x]y',
    "##teamcity[buildStatus text='x']",
  ];
  for (const line of disarmCiCommands(lines.join('\n')).split('\n')) {
    assert.is(commandIn(line), undefined, line);
    assert.not.match(line, /##(vso|teamcity)\[/);
  }
  assert.is(disarmCiCommands('a::b C::d\n'), 'a::b C::d\n');
});

test.run();
