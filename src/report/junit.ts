import type { FailureCause, RunEvent, TaskFailure } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { failureTitle } from './failures.ts';
import type { Reporter } from './reporter.ts';
import { type Element, formatXml } from './xml.ts';

type TaskFinished = Extract<RunEvent, { type: 'task-finished' }>;

/** The end of a test's output, and how the phases of the run ended for the task. */
interface TestReport {
  readonly output: string[];
  build?: TaskFinished;
  test?: TaskFinished;
}

/** How many lines of a failed test's output the report has. The log has everything. */
const maxLines = 500;

/** Failures that say nothing about the image: the test could not run. */
const machineCauses: readonly (FailureCause | undefined)[] = ['network', 'disk-full', 'lost'];

/**
 * Returns a reporter that passes a JUnit XML report of the tests of a run to `save` when the run finishes: a suite for each definition,
 * and a case for each task with a test. A test that has passed before is a passed case with the property `kept`; a test that could not
 * run, because its image was not built, is an error; one that the run did not come to is skipped.
 */
export function junitReporter(save: (text: string) => void): Reporter {
  const reports = new Map<TaskId, TestReport>();
  let name = '';
  let started = '';
  return {
    onEvent(event) {
      switch (event.type) {
        case 'run-started':
          reports.clear();
          [name, started] = [`tasks ${event.command}`, event.time];
          for (const { id, tested } of event.tasks) if (tested) reports.set(id, { output: [] });
          break;
        case 'task-output': {
          const output = event.phase === 'test' ? reports.get(event.id)?.output : undefined;
          output?.push(event.line);
          if (output !== undefined && output.length > maxLines) output.shift();
          break;
        }
        case 'task-finished': {
          const report = reports.get(event.id);
          if (report === undefined) break;
          if (event.phase === 'build') report.build = event;
          if (event.phase === 'test') report.test = event;
          break;
        }
        case 'run-finished':
          save(formatXml(makeDocument(name, started, event.ms, reports)));
          break;
      }
    },
    close: async () => undefined,
  };
}

type Verdict = 'passed' | 'failure' | 'error' | 'skipped';

interface Case {
  readonly suite: string;
  readonly verdict: Verdict;
  readonly ms: number;
  readonly element: Element;
}

function makeDocument(
  name: string,
  started: string,
  ms: number,
  reports: ReadonlyMap<TaskId, TestReport>,
): Element {
  const cases = [...reports].map(([id, report]) => makeCase(id, report));
  const suites = [...new Set(cases.map(({ suite }) => suite))].map((suite): Element => {
    const own = cases.filter((each) => each.suite === suite);
    const sum = own.reduce((total, each) => total + each.ms, 0);
    return {
      name: 'testsuite',
      // Without milliseconds and zone, as the schema of Ant's reports has it.
      attributes: { name: suite, ...countsOf(own), time: seconds(sum), timestamp: started.slice(0, 19) },
      content: own.map(({ element }) => element),
    };
  });
  return {
    name: 'testsuites',
    attributes: { name, ...countsOf(cases), time: seconds(ms) },
    content: suites,
  };
}

function countsOf(cases: readonly Case[]): Record<'tests' | 'failures' | 'errors' | 'skipped', number> {
  const count = (verdict: Verdict): number => cases.filter((each) => each.verdict === verdict).length;
  return {
    tests: cases.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
  };
}

function makeCase(id: TaskId, report: TestReport): Case {
  const suite = id.slice(0, id.indexOf(':'));
  const { verdict, content } = contentOf(report);
  const ms = report.test?.ms ?? 0;
  const attributes = { name: id, classname: suite, time: seconds(ms) };
  return { suite, verdict, ms, element: { name: 'testcase', attributes, content } };
}

function contentOf({ build, test, output }: TestReport): {
  readonly verdict: Verdict;
  readonly content: readonly Element[];
} {
  if (test?.outcome === 'built') return { verdict: 'passed', content: [] };
  if (test?.outcome === 'reused') return { verdict: 'passed', content: [keptProperty] };
  if (test?.outcome === 'failed') {
    const error = test.error ?? { message: 'the test failed' };
    const { cause, exitCode } = error;
    const isMachineFailure = exitCode === undefined && machineCauses.includes(cause);
    return problem(isMachineFailure ? 'error' : 'failure', cause ?? 'test', error, output);
  }
  if (build?.error !== undefined)
    return problem('error', build.outcome, build.error, build.error.lines ?? []);
  if (test?.outcome === 'cancelled' && test.ms > 0)
    return problem('error', 'canceled', { message: 'the test was stopped' }, output);
  return { verdict: 'skipped', content: [{ name: 'skipped', content: 'the run ended before the test' }] };
}

const keptProperty: Element = {
  name: 'properties',
  content: [{ name: 'property', attributes: { name: 'kept', value: 'true' } }],
};

/** The text repeats the message: GitLab shows the text alone. */
function problem(
  verdict: 'failure' | 'error',
  type: string,
  error: TaskFailure,
  output: readonly string[],
): { readonly verdict: Verdict; readonly content: readonly Element[] } {
  const message = failureTitle(error);
  const [, ...hints] = error.message.split('\n');
  const log = error.log === undefined ? [] : [`log: ${error.log}`];
  const text = [message, ...hints, ...output, ...log].join('\n');
  return { verdict, content: [{ name: verdict, attributes: { message, type }, content: text }] };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
