import type { Problem } from '../model/errors.ts';
import type { ImageName } from '../model/observed.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { Graph, ImageTask, Need } from '../model/task.ts';
import { isSamePlatform, taskForPlatform } from './match-platform.ts';

/**
 * Returns the needs of an image, each for the platform for which its Dockerfile uses it: that of the image, or another one that FROM
 * asks for. Returns the same list if all of them are. `names`: see `ImageName`; uses for the image's own platform may be left out.
 * Reports needs that do not have that platform, or are used for several.
 */
export function matchNeedPlatforms(
  task: ImageTask,
  needs: readonly Need[],
  names: readonly ImageName[],
  graph: Graph,
  addProblem: (problem: Problem) => void,
): readonly Need[] {
  let isChanged = false;
  const matched = needs.map((need) => {
    const platform = platformOf(need, task, names, addProblem);
    if (platform === undefined) return need;
    const tasks = need.tasks.map((id) => {
      const found = taskForPlatform(graph.tasks, id, platform);
      // Files of another kind of task serve every platform, unless it makes them for each.
      if (found !== undefined || (need.kind === 'files' && !id.includes('@'))) return found?.id ?? id;
      addProblem(missingPlatform(task, need, platform, graph));
      return id;
    });
    if (tasks.every((id, index) => id === need.tasks[index])) return need;
    isChanged = true;
    return { ...need, tasks };
  });
  return isChanged ? matched : needs;
}

/** Returns the platform for which a need is used; undefined if only the build knows it, or if there are several. */
function platformOf(
  need: Need,
  task: ImageTask,
  names: readonly ImageName[],
  addProblem: (problem: Problem) => void,
): string | undefined {
  const isUse = ({ reference, isNeed }: ImageName): boolean =>
    reference === need.name && (isNeed === true) !== (need.isReference === true);
  const uses = names.filter(isUse).map(({ platform = task.platform }) => platform);
  if (uses.length === 0) return task.platform;
  if (uses.includes('any')) return undefined;
  const platforms = [...new Set(uses.map(normalizePlatform))];
  if (platforms.length === 1) return uses[0];
  addProblem({
    file: task.where.file,
    definition: task.name,
    field: `needs.${need.name}`,
    message: `${task.dockerfile} uses this need for several platforms`,
    found: platforms.join(' and '),
    expected: 'a build arg for each platform, each with a need of its own',
  });
  return undefined;
}

function missingPlatform(
  { where, name, id, platform: own }: ImageTask,
  need: Need,
  platform: string,
  graph: Graph,
): Problem {
  const versions = need.tasks.flatMap((each) => graph.tasks.get(each)?.platform ?? []);
  return {
    file: where.file,
    definition: name,
    field: `needs.${need.name}`,
    message: isSamePlatform(own, platform)
      ? `${id} is for ${platform}, but its need is not`
      : `the Dockerfile of ${id} uses this need for ${platform}, which it does not have`,
    found: `${need.tasks.join(', ')} for ${[...new Set(versions)].join(', ')}`,
    expected: `${platform} among the platforms of the need, or FROM --platform=$BUILDPLATFORM where it only helps to build`,
  };
}
