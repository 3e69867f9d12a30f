import { resolveSelectors } from '../../graph/select.ts';
import { diffManifests } from '../../key/diff-manifests.ts';
import { type Difference, differenceColumns, withProjectPath } from '../../key/difference.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { Step } from '../../model/plan.ts';
import type { Manifest } from '../../model/record.ts';
import { makePaint } from '../../report/paint.ts';
import { whyText } from '../../report/why.ts';
import { type CommonFlags, hasColor } from '../flags.ts';
import type { Io } from '../io.ts';
import { type Prospect, planProject } from '../project.ts';

/** `tasks why <task> [other]`: what differs from the nearest record, or from another task. */
export async function why(selectors: readonly string[], flags: CommonFlags, io: Io): Promise<ExitCode> {
  const prospect = await planProject(selectors, flags, io, { withoutEngine: true, inFull: true });
  const [step, other] = selectors.map((selector) => stepOf(selector, prospect));
  const answer = other === undefined ? againstRecord(step!, prospect) : againstTask(step!, other);
  if (flags.json) io.json(answer);
  else {
    const paint = makePaint(hasColor(flags, io, io.outIsTerminal));
    const rows = answer.differences.map(differenceColumns);
    for (const line of whyText({ ...answer, rows, manifest: step!.manifest }, paint)) io.out(`${line}\n`);
  }
  return 0;
}

function stepOf(selector: string, { graph, plan }: Prospect): Step {
  const [id, ...more] = resolveSelectors(graph, [selector]);
  if (more.length === 0) return plan.steps.get(id!)!;
  throw new TasksError(2, `"${selector}" names ${more.length + 1} tasks`, {
    hint: `name one: ${[id, ...more].slice(0, 8).join(', ')}`,
  });
}

interface Answer {
  readonly task: string;
  readonly action: string;
  readonly reasons: Step['reasons'];
  /** What it was compared with: the task, and the time of its record where it is one. */
  readonly against?: { readonly task: string; readonly time?: string };
  readonly differences: readonly Difference[];
}

function againstRecord({ task, action, reasons, manifest }: Step, { latest }: Prospect): Answer {
  const common = { task: task.id, action, reasons };
  const nearest = latest.get(task.id);
  if (nearest === undefined) return { ...common, differences: [] };
  const against = { task: nearest.record.task, time: nearest.record.time };
  return {
    ...common,
    against,
    differences: compare(nearest.manifest, manifest, nearest.record.task === task.id).map((each) =>
      withProjectPath(each, task),
    ),
  };
}

function againstTask({ task, action, reasons, manifest }: Step, other: Step): Answer {
  const differences = compare(other.manifest, manifest, false);
  return { task: task.id, action, reasons, against: { task: other.task.id }, differences };
}

function compare(
  before: Manifest | undefined,
  after: Manifest | undefined,
  isSameTask: boolean,
): Difference[] {
  if (before === undefined || after === undefined) return [];
  // That two tasks have two names is no news.
  return diffManifests(before, after).filter(
    ({ kind, name }) => isSameTask || kind !== 'task' || name !== 'id',
  );
}
