import { planProject } from '../../app/plan-project.ts';
import { testProject } from '../../app/test-project.ts';
import type { ExitCode } from '../../model/errors.ts';
import { type Context, openHere, planOptions, runOptions } from '../context.ts';
import { exitCodeOf } from '../exit-code.ts';
import { openFollowers, withScreen } from '../run-screen.ts';

export interface TestFlags {
  readonly retest?: boolean;
}

/** `tasks test`: builds what is missing, then runs the tests of the selected images. */
export async function test(
  context: Context,
  selectors: readonly string[],
  flags: TestFlags,
): Promise<ExitCode> {
  const { host } = context;
  const followers = await openFollowers(context);
  const retest = flags.retest === true;
  const options = planOptions(context, selectors);
  const planned = await planProject(await openHere(context), options, host, {
    needsEngine: !options.fromRegistry,
    tests: true,
    retest,
  });
  const outcome = await withScreen(context, { followers, mainPhase: 'test' }, (onEvent) =>
    testProject(planned, { ...runOptions(context, onEvent), retest }, host),
  );
  return exitCodeOf(outcome);
}
