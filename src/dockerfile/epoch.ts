import { assignedNames } from './assignments.ts';
import type { Dockerfile } from './parse.ts';
import { findReachableStages, type ReachableStage } from './reachable-stages.ts';
import { type BuildParameters, findStageByName, type Stages } from './stages.ts';

export const epochName = 'SOURCE_DATE_EPOCH';

/**
 * Newer BuildKit versions take the image's timestamp from this ARG before the first FROM. If its value is not a number, they
 * read the timestamp from the stage or image that it names.
 */
export function analyzeEpoch(
  file: Dockerfile,
  stages: Stages,
  parameters: BuildParameters,
): Pick<ReachableStage, 'vague' | 'unverifiedDownloads'> {
  const value = parameters.args[epochName] ?? stages.globalValues.get(epochName);
  if (value === undefined || value === '' || (value !== null && /^(0|[1-9]\d*)$/.test(value)))
    return { vague: [], unverifiedDownloads: [] };
  const line =
    stages.globalArgs.find((each) => assignedNames(each, file.escapeToken).includes(epochName))?.line ?? 1;
  const stage = value === null ? undefined : findStageByName(stages.all, value);
  return {
    vague: [`line ${line}: ${epochName} is not a number`],
    unverifiedDownloads:
      stage === undefined
        ? []
        : findReachableStages(file, stages, stage, parameters).flatMap(
            ({ unverifiedDownloads }) => unverifiedDownloads,
          ),
  };
}
