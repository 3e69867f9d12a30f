import { closestWords } from '../model/did-you-mean.ts';
import { TasksError } from '../model/errors.ts';
import type { Project } from '../model/task.ts';

/** Returns the profiles that a project lists, `default` included; none if it lists none: then any name is a profile. */
export function knownProfiles({ profiles }: Project): string[] {
  return profiles === undefined ? [] : [...new Set(['default', ...profiles])];
}

/** @throws TasksError with exit code 2 if the project lists its profiles, and not this one */
export function checkProfile(profile: string, project: Project): void {
  const known = knownProfiles(project);
  if (known.length === 0 || known.includes(profile)) return;
  const near = closestWords(profile, known, 1);
  throw new TasksError(2, `the project has no profile "${profile}"`, {
    hint: `${near.length > 0 ? `did you mean ${near[0]}? ` : ''}profiles are ${known.join(', ')}`,
  });
}
