import { composeIndex, type IndexMember, indexMember } from '../model/index-manifest.ts';
import type { RemoteImage } from '../model/registry.ts';
import { type Graph, type ImageTask, type Task, type TaskId, versionIdOf } from '../model/task.ts';

/** Returns the tasks of a task's version: one for each of its platforms, itself included. */
export function platformTasks({ tasks }: Graph, { id }: Pick<Task, 'id'>): Task[] {
  if (!id.includes('@')) return [tasks.get(id)!];
  const version = versionIdOf(id);
  return [...tasks.values()].filter((each) => versionIdOf(each.id) === version);
}

/**
 * Returns the digest that the tags of a version get from a push: that of its image, or of the index of its images. Undefined while an
 * image is not in the registry. `imageOf`: returns what the registry has.
 */
export function publishedDigest(
  tasks: readonly Task[],
  imageOf: (id: TaskId) => RemoteImage | undefined,
): string | undefined {
  const [first] = tasks;
  if (tasks.length === 1) return imageOf(first!.id)?.digest;
  const members = indexMembers(tasks, imageOf);
  return members && composeIndex(members).digest;
}

/** Returns the members of the index of a version; undefined while an image is not in the registry. */
function indexMembers(
  tasks: readonly Task[],
  imageOf: (id: TaskId) => RemoteImage | undefined,
): IndexMember[] | undefined {
  const members = tasks.flatMap((task): IndexMember[] => {
    const image = imageOf(task.id);
    return image === undefined ? [] : [indexMember((task as ImageTask).platform, image)];
  });
  return members.length === tasks.length ? members : undefined;
}
