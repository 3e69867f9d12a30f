import { TasksError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import type { GitState } from '../release/release-file.ts';
import { type Notify, warnWith } from './notices.ts';

/**
 * Warns if a release cannot be built again from what is under version control: uncommitted changes, unpinned base images.
 * `git`: undefined outside of a repository. `strict`: fails instead.
 * @throws TasksError with exit code 1
 */
export function checkSources(plan: Plan, git: GitState | undefined, strict: boolean, notify: Notify): void {
  const problems = [
    ...(git?.dirty ? ['the git tree has uncommitted changes'] : []),
    ...(git === undefined ? ['the project is not in a git repository with a commit'] : []),
    ...impureTasks(plan),
  ];
  if (problems.length === 0) return;
  if (strict)
    throw new TasksError(1, `--strict: this release cannot be built again later\n${problems.join('\n')}`, {
      hint: 'commit your changes; `tasks lock` pins external images',
    });
  for (const problem of problems) warnWith(notify)(problem);
}

/** Returns one line for each input that keys cannot vouch for, with the tasks that use it. */
function impureTasks(plan: Plan): string[] {
  const tasks = new Map<string, TaskId[]>();
  for (const { task, selected, reasons } of plan.steps.values())
    for (const { code, detail } of selected ? reasons : [])
      if (code === 'impure') tasks.set(detail, [...(tasks.get(detail) ?? []), task.id]);
  return [...tasks].map(
    ([detail, ids]) => `${ids[0]}${ids.length > 1 ? ` and ${ids.length - 1} more` : ''}: ${detail}`,
  );
}
