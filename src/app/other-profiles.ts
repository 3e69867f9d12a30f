import { resolveSelectors } from '../graph/select.ts';
import { TasksError, type UnknownSelector } from '../model/errors.ts';
import { knownProfiles } from './check-profile.ts';
import type { Host } from './host.ts';
import { type OpenProject, openProject } from './open-project.ts';

/** Returns the error for an unknown selector with a hint that names the other profiles in which it matches a task, if any does. */
export async function withOtherProfiles(
  error: UnknownSelector,
  { root, profile, project }: OpenProject,
  host: Pick<Host, 'clock' | 'program'>,
): Promise<TasksError> {
  const found: string[] = [];
  for (const other of knownProfiles(project)) {
    if (other === profile) continue;
    if (await matchesIn({ root, profile: other }, error.selector, host)) found.push(other);
  }
  if (found.length === 0) return error;
  const names = found.map((name) => `--profile ${name}`).join(' or ');
  return new TasksError(2, `${error.message} in the profile ${profile}`, {
    hint: `add ${names}`,
    cause: error,
  });
}

async function matchesIn(
  place: { readonly root: string; readonly profile: string },
  selector: string,
  host: Pick<Host, 'clock' | 'program'>,
): Promise<boolean> {
  try {
    const { graph } = await openProject(place, host);
    return resolveSelectors(graph, [selector]).size > 0;
  } catch (error) {
    // Unknown there, too, or definitions that are wrong in that profile.
    if (error instanceof TasksError) return false;
    throw error;
  }
}
