import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, PlannedTask, RunEvent } from '../../../src/model/events.ts';
import { junitReporter } from '../../../src/report/junit.ts';
import { sanitizingReporter } from '../../../src/report/reporter.ts';
import { at, noCounts } from '../../support/report-events.ts';
import { parseXml, type XmlElement } from '../../support/xml.ts';

const test = suite('JUnit report');

/** What JUnit's schema (Jenkins' junit-10.xsd) and the readers of GitLab and of GitHub's actions know of. */
const shape: Readonly<
  Record<string, { readonly attributes: readonly string[]; readonly children: readonly string[] }>
> = {
  testsuites: {
    attributes: ['name', 'tests', 'failures', 'errors', 'skipped', 'time'],
    children: ['testsuite'],
  },
  testsuite: {
    attributes: ['name', 'tests', 'failures', 'errors', 'skipped', 'time', 'timestamp'],
    children: ['testcase'],
  },
  testcase: {
    attributes: ['name', 'classname', 'time'],
    children: ['properties', 'failure', 'error', 'skipped'],
  },
  properties: { attributes: [], children: ['property'] },
  property: { attributes: ['name', 'value'], children: [] },
  failure: { attributes: ['message', 'type'], children: [] },
  error: { attributes: ['message', 'type'], children: [] },
  skipped: { attributes: [], children: [] },
};
const counted = { failures: 'failure', errors: 'error', skipped: 'skipped' };

function checkShape(element: XmlElement): void {
  const { attributes, children } = shape[element.name]!;
  assert.equal(Object.keys(element.attributes), attributes, element.name);
  for (const child of element.children) {
    assert.ok(children.includes(child.name), `${child.name} in ${element.name}`);
    checkShape(child);
  }
  if (element.name === 'testcase') assert.ok(element.children.length <= 1, 'a case has one result');
  // GitLab shows the text of a result, not its message.
  if (['failure', 'error', 'skipped'].includes(element.name)) assert.ok(element.text !== '');
  if ('time' in element.attributes) assert.match(element.attributes.time!, /^\d+\.\d{3}$/);
  if (!element.name.startsWith('testsuite')) return;
  const cases = casesOf(element);
  assert.is(Number(element.attributes.tests), cases.length);
  for (const [attribute, name] of Object.entries(counted))
    assert.is(
      Number(element.attributes[attribute]),
      cases.filter(({ children: [result] }) => result?.name === name).length,
      attribute,
    );
}

function casesOf(element: XmlElement): readonly XmlElement[] {
  return element.name === 'testcase' ? [element] : element.children.flatMap(casesOf);
}

/** Returns the report of a run that tests these tasks, after a check of its shape. */
function reportOf(ids: readonly string[], events: readonly EventBody[], name = 'test'): XmlElement {
  const saved: string[] = [];
  const { onEvent } = sanitizingReporter(junitReporter((text) => void saved.push(text)));
  const tasks = ids.map((id): PlannedTask => ({ id, action: 'build', needs: [], tested: true }));
  const untested: PlannedTask = { id: 'base:1', action: 'build', needs: [] };
  const all: EventBody[] = [
    { type: 'run-started', command: name, jobs: 1, tasks: [untested, ...tasks] },
    ...events,
    { type: 'run-finished', ok: false, counts: noCounts, ms: 12_345 },
  ];
  for (const event of all) onEvent({ ...event, time: at(5) } as RunEvent);
  assert.is(saved.length, 1);
  const report = parseXml(saved[0]!);
  checkShape(report);
  return report;
}

const finished = (id: string, more: object): EventBody =>
  ({ type: 'task-finished', phase: 'test', id, outcome: 'built', ms: 1_500, ...more }) as EventBody;
const output = (id: string, line: string): EventBody => ({ type: 'task-output', phase: 'test', id, line });

/** The result of the only case: the name of its element, its message, and its text. */
function resultOf(
  events: readonly EventBody[],
): readonly [name: string | undefined, message: string | undefined, text: string | undefined] {
  const [result] = casesOf(reportOf(['a:1'], events))[0]!.children;
  return [result?.name, result?.attributes.message, result?.text];
}

test('a suite for each definition, and a case with its time for each task that is tested', () => {
  const report = reportOf(
    ['pg:16.13', 'ext:16.13', 'pg:17.9'],
    [
      finished('pg:16.13', {}),
      finished('ext:16.13', {}),
      finished('pg:17.9', { ms: 20 }),
      finished('base:1', {}),
    ],
    'push',
  );
  assert.equal(report.attributes, {
    name: 'tasks push',
    tests: '3',
    failures: '0',
    errors: '0',
    skipped: '0',
    time: '12.345',
  });
  assert.equal(
    report.children.map(({ attributes: { name, tests, time, timestamp } }) => [name, tests, time, timestamp]),
    [
      ['pg', '2', '1.520', '2026-01-01T00:00:05'],
      ['ext', '1', '1.500', '2026-01-01T00:00:05'],
    ],
  );
  assert.equal(report.children[0]!.children[1]!.attributes, {
    name: 'pg:17.9',
    classname: 'pg',
    time: '0.020',
  });
});

test('a test that has passed before is a passed case with a property, not a skipped one', () => {
  const [test_] = casesOf(reportOf(['a:1'], [finished('a:1', { outcome: 'reused', ms: 0 })]));
  assert.equal(test_!.children[0]!.name, 'properties');
  assert.equal(test_!.children[0]!.children[0]!.attributes, { name: 'kept', value: 'true' });
});

test('a failed test has its message, its output and its log', () => {
  const error = { message: 'the test t.sh failed with exit code 2\na hint', exitCode: 2, log: '/logs/a' };
  const events = [output('a:1', 'one'), output('a:1', 'two'), finished('a:1', { outcome: 'failed', error })];
  assert.equal(resultOf(events), [
    'failure',
    'the test t.sh failed with exit code 2',
    'the test t.sh failed with exit code 2\na hint\none\ntwo\nlog: /logs/a',
  ]);
});

test('a test that could not run is an error: no image, a lost engine, an interrupt', () => {
  const build = (outcome: string, error?: object) => finished('a:1', { phase: 'build', outcome, error });
  const blocked = build('blocked', { message: 'base:1 did not succeed' });
  assert.equal(resultOf([blocked]).slice(0, 2), ['error', 'base:1 did not succeed']);
  const failed = build('failed', {
    message: 'exit code: 2',
    instruction: 'RUN',
    exitCode: 2,
    lines: ['no rule'],
  });
  const skipped = finished('a:1', { outcome: 'skipped', ms: 0 });
  assert.equal(resultOf([failed, skipped]), [
    'error',
    'RUN ended with exit code 2',
    'RUN ended with exit code 2\nno rule',
  ]);
  const lost = { message: 'the engine does not answer', cause: 'lost' };
  assert.is(resultOf([finished('a:1', { outcome: 'failed', error: lost })])[0], 'error');
  assert.equal(resultOf([finished('a:1', { outcome: 'cancelled' })]).slice(0, 2), [
    'error',
    'the test was stopped',
  ]);
});

test('a failed test is no error of the machine, whatever it wrote', () => {
  const error = { message: 'exit code 1', cause: 'network', exitCode: 1 };
  assert.is(resultOf([finished('a:1', { outcome: 'failed', error })])[0], 'failure');
});

test('a test that the run did not come to is skipped', () => {
  assert.is(resultOf([])[0], 'skipped');
  assert.is(resultOf([finished('a:1', { phase: 'build' })])[0], 'skipped');
  assert.is(resultOf([finished('a:1', { outcome: 'cancelled', ms: 0 })])[0], 'skipped');
});

test('of a long output, the last 500 lines are in the report', () => {
  const lines = Array.from({ length: 600 }, (_, index) => output('a:1', `line ${index}`));
  const error = { message: 'no', exitCode: 1 };
  const [, , text] = resultOf([...lines, finished('a:1', { outcome: 'failed', error })]);
  assert.is(text!.split('\n').length, 501);
  assert.ok(text!.endsWith('line 599'));
});

test('output of any kind leads to a document that parsers accept', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (line, message) => {
      const broken = `${line}\ud800\ufffe\0<a href="x">&amp;]]>`;
      const error = { message: `${message}"\t&`, exitCode: 1 };
      const [name, shown, text] = resultOf([
        output('a:1', broken),
        finished('a:1', { outcome: 'failed', error }),
      ]);
      assert.is(name, 'failure');
      assert.ok(shown!.endsWith('"\t&'), shown);
      assert.ok(text!.includes('<a href="x">&amp;]]>'));
    }),
  );
});

test.run();
