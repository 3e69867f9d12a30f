import {
  type FeatureName,
  type MissingFeature,
  missingFeatures,
  type UsedFeature,
} from '../dockerfile/features.ts';
import { selectedFrontend } from '../dockerfile/frontend.ts';
import type { FrontendVersion } from '../model/frontend.ts';
import type { ObservedImage } from '../model/observed.ts';

export interface LackingFrontend {
  readonly version: FrontendVersion;
  /** True if the Dockerfile selects it; false for the engine's own. */
  readonly isSelected: boolean;
  readonly missing: readonly MissingFeature[];
}

/**
 * Returns the features of a Dockerfile that its frontend does not have; undefined if it has all of them, or is not known.
 * `builtIn`: the engine's own frontend.
 */
export function findMissingFeatures(
  { features = [], frontend }: Pick<ObservedImage, 'features' | 'frontend'>,
  builtIn: FrontendVersion | undefined,
): LackingFrontend | undefined {
  const version = frontend === undefined ? builtIn : selectedFrontend(frontend);
  if (version === undefined || version === 'newest') return undefined;
  const used = features.map(({ name, line }): UsedFeature => ({ name: name as FeatureName, line }));
  const missing = missingFeatures(used, version);
  return missing.length === 0 ? undefined : { version, isSelected: frontend !== undefined, missing };
}
