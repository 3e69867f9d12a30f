import { TasksError } from '../model/errors.ts';
import type { Project } from '../model/task.ts';
import { type Naming, resolveNaming } from '../plan/refs.ts';
import type { NameOptions } from './options.ts';

/**
 * Returns how images are named by a command that needs a named repository. `purpose`: completes "no repository to …".
 * @throws TasksError with exit code 2 if no repository is named
 */
export function requireRepository(project: Project, names: NameOptions, now: Date, purpose: string): Naming {
  if ((names.repo ?? project.repo) === undefined)
    throw new TasksError(2, `no repository to ${purpose}`, {
      hint: "name one with --repo citus, DOCKER_REPO, or project({ repo: 'citus' }) in the definitions",
    });
  return resolveNaming(names, project, now);
}
