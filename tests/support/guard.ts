// Replaces 'uvu' in every test file (see scripts/test.mjs). uvu exits with 0 if a hook throws, if a test throws something that is
// not an Error, if `.run()` is missing, or if `.only` is left in. Here each of them makes the file fail. The results go to the
// tally file that the test runner reads.
import { writeFileSync } from 'node:fs';
import { suite as uvuSuite } from 'uvu';

type Context = Record<string, unknown>;
type Handler<T> = (context: T) => unknown;

interface Guarded<T> {
  (name: string, handler: Handler<T>): void;
  skip: (name?: string, handler?: Handler<T>) => void;
  only: (name: string, handler: Handler<T>) => void;
  before: Hook<T> & { each: Hook<T> };
  after: Hook<T> & { each: Hook<T> };
  run: () => void;
}
type Hook<T> = (handler: Handler<T>) => void;

const tally = {
  registered: 0,
  started: 0,
  passed: 0,
  failed: 0,
  skipped: [] as string[],
  faults: [] as string[],
};
const notRun = new Map<object, { name: string; tests: number }>();

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`threw ${typeof thrown}: ${String(thrown)}`);
}

/** The time limit of a test in milliseconds. TASKS_TEST_MINUTES raises it for long runs of random tests. */
const testLimit = Number(process.env.TASKS_TEST_MINUTES ?? 5) * 60_000;

/** How long the process of a file may live after its last test, if one failed, in milliseconds. */
const lingerLimit = testLimit / 5;

/** A failed test may leave a server open, which would keep the process until the limit of the test runner. */
function endAfterFailure(): void {
  if (tally.failed === 0 || tally.passed + tally.failed < tally.registered) return;
  setTimeout(() => {
    tally.faults.push(`still open after a failed test: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, lingerLimit).unref();
}

async function withTimeout(result: unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${testLimit / 1000} s`)), testLimit);
    timer.unref();
  });
  try {
    await Promise.race([result, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** uvu's `suite`, which makes the file fail for every fault that uvu ignores. */
export function suite<T = Context>(name = '', context?: T): Guarded<T> {
  const inner = uvuSuite(name, context as Context);
  const pending = { name, tests: 0 };

  const guarded = (title: string, handler: Handler<T>): void => {
    tally.registered++;
    pending.tests++;
    notRun.set(guarded, pending);
    inner(title, async (state) => {
      tally.started++;
      try {
        await withTimeout(handler(state as T));
        tally.passed++;
      } catch (thrown) {
        tally.failed++;
        throw asError(thrown);
      } finally {
        endAfterFailure();
      }
    });
  };

  const hook =
    (label: string, register: (handler: (state: Context) => Promise<void>) => void): Hook<T> =>
    (handler) =>
      register(async (state) => {
        try {
          await handler(state as T);
        } catch (thrown) {
          const error = asError(thrown);
          tally.faults.push(`hook ${label} of suite "${name}" threw: ${error.stack ?? error.message}`);
          throw error;
        }
      });

  return Object.assign(guarded, {
    skip: (title = '(no name)'): void => {
      tally.skipped.push(name ? `${name}: ${title}` : title);
      notRun.set(guarded, pending);
      inner.skip();
    },
    only: (title: string, handler: Handler<T>): void => {
      tally.faults.push(`.only was left on "${title}"`);
      guarded(title, handler);
    },
    before: Object.assign(hook('before', inner.before), { each: hook('before.each', inner.before.each) }),
    after: Object.assign(hook('after', inner.after), { each: hook('after.each', inner.after.each) }),
    run: (): void => {
      pending.tests = 0;
      notRun.delete(guarded);
      inner.run();
    },
  });
}

/** uvu's `test`: a suite without a name. */
export const test: Guarded<Context> = suite();

process.on('exit', () => {
  for (const { name, tests } of notRun.values()) {
    tally.faults.push(`suite "${name}" was never run (${tests} tests): .run() is missing`);
  }
  if (tally.started !== tally.registered) {
    tally.faults.push(`${tally.registered - tally.started} of ${tally.registered} tests never started`);
  }
  if (tally.started !== tally.passed + tally.failed) tally.faults.push('a test was still running at the end');
  if (tally.failed + tally.faults.length > 0) process.exitCode = 1;
  const file = process.env.TASKS_TEST_TALLY;
  if (file !== undefined) writeFileSync(file, JSON.stringify(tally));
});
