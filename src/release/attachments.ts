import { TasksError } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { RawManifest, Registry, RemoteImage } from '../model/registry.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { nameByDigest } from '../plan/refs.ts';
import { formatNames } from './publish-context.ts';
import { forEachLimit } from './tags.ts';

/**
 * Returns what the images of steps do not have of the attestations and annotations that their definitions ask for: a docker engine built
 * them, or they were built before the definitions asked. `images`: the images in the registry; others have none. Returns a line for each kind of what is missing.
 * @throws RegistryError
 */
export async function findUnattached(
  steps: readonly Step[],
  images: ReadonlyMap<TaskId, RemoteImage>,
  registry: Pick<Registry, 'manifest'>,
): Promise<readonly string[]> {
  const missing = new Map<TaskId, string>();
  await forEachLimit(steps, async ({ task, registryTag }) => {
    if (task.kind !== 'image' || (task.attest ?? task.annotations) === undefined) return;
    const image = images.get(task.id);
    const found = new Set<string>();
    if (task.attest !== undefined)
      for (const { digest } of image?.attestations ?? [])
        for (const kind of attestedKinds(await registry.manifest(nameByDigest(registryTag!, digest))))
          found.add(kind);
    const names = missingNames(task, found, image?.annotations ?? {});
    if (names.length > 0) missing.set(task.id, names.join(' and '));
  });
  const byNames = new Map<string, TaskId[]>();
  for (const { task } of steps) {
    const names = missing.get(task.id);
    if (names !== undefined) byNames.set(names, [...(byNames.get(names) ?? []), task.id]);
  }
  return [...byNames].map(([names, ids]) => `published without ${names}: ${formatNames(ids)}`);
}

/** Returns the error of a push that must not publish such images. */
export function unattachedError(lines: readonly string[]): TasksError {
  return new TasksError(1, `--strict: images lack what their definitions ask for\n${lines.join('\n')}`, {
    hint: 'build them again with --builder NAME --force',
  });
}

function missingNames(
  { attest = {}, annotations = {} }: ImageTask,
  attested: ReadonlySet<string>,
  found: Readonly<Record<string, string>>,
): string[] {
  const kinds = (['provenance', 'sbom'] as const).filter(
    (kind) => attest[kind] !== undefined && !attested.has(kind),
  );
  const differs = Object.entries(annotations).some(([name, value]) => found[name] !== value);
  return [...kinds.map((kind) => (kind === 'sbom' ? 'an SBOM' : kind)), ...(differs ? ['annotations'] : [])];
}

/** Returns what the statements in an attestation manifest are (moby/buildkit docs/attestations/attestation-storage.md). */
function attestedKinds({ body }: RawManifest): ('provenance' | 'sbom')[] {
  const { layers } = JSON.parse(body.toString('utf8')) as {
    layers?: readonly { annotations?: Readonly<Record<string, unknown>> | null }[] | null;
  };
  return (layers ?? []).flatMap(({ annotations }) => {
    const type = annotations?.['in-toto.io/predicate-type'];
    if (typeof type !== 'string') return [];
    return [type.startsWith('https://slsa.dev/provenance/') ? 'provenance' : 'sbom'] as const;
  });
}
