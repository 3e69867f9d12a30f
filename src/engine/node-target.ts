import { annotationAttributes } from '../buildkit/attestations.ts';
import { type BuildRequest, StepFailed } from '../model/ports.ts';
import type { BuildTarget } from './build.ts';

/**
 * Returns a registry as the place where images go that a node builds: by digest only, since two machines may build one key at the same
 * time. `checkAlive`: see `BuildTarget`.
 */
export function nodeTarget(
  { name, place }: { readonly name: string; readonly place: string },
  builder: string,
  checkAlive: BuildTarget['checkAlive'],
): BuildTarget {
  const full = `the builder node ${name === place ? name : `${name} (${place})`}`;
  return {
    name: { full, buildkit: full, check: `\`tasks doctor --builder ${builder}\` to check the builder` },
    exporterFor: ({ pushTo, annotations }: BuildRequest) => ({
      kind: 'image',
      attributes: {
        'oci-mediatypes': 'true',
        store: 'false',
        ...(pushTo === undefined ? {} : { name: pushTo, push: 'true', 'push-by-digest': 'true' }),
        ...annotationAttributes(annotations),
      },
    }),
    imageOf({ digest, configDigest }) {
      if (digest === undefined) throw new StepFailed(`${full} did not report the digest of the built image`);
      return { imageId: digest, bytes: 0, ...(configDigest === undefined ? {} : { configDigest }) };
    },
    checkAlive,
  };
}
