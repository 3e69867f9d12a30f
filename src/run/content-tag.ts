import { normalizePlatform } from '../model/platform.ts';
import { StepFailed } from '../model/ports.ts';
import { isSameResult, resultIds, type TaskRecord } from '../model/record.ts';
import type { RemoteImage } from '../model/registry.ts';
import { type ImageTask, needNameOf } from '../model/task.ts';
import { recordFromLabels } from '../plan/existing.ts';
import { nameByDigest } from '../plan/refs.ts';
import { imageNeedIds } from './need-images.ts';
import type { StepInput } from './step-input.ts';

type Input = Pick<StepInput, 'step' | 'results' | 'services' | 'signal'>;

/** How often the tag is set before the step fails because others keep setting it. */
const maxAttempts = 3;

/**
 * Gives the image that a node pushed by digest its content tag, unless another machine was first with an image that this run can use as
 * well: registries have no compare-and-set, so the tag is looked at before and after. A push checks once more what all its images were
 * built on. Returns the image that has the tag.
 * @throws StepFailed if the registry has another image under the digest than was asked for, or other programs keep setting the tag;
 * RegistryError
 */
export async function claimContentTag(
  digest: string,
  labels: Readonly<Record<string, string>>,
  input: Input,
): Promise<RemoteImage> {
  const { step, services, signal } = input;
  const { registry } = services.registryMode!;
  const tag = step.registryTag!;
  const name = nameByDigest(tag, digest);
  const built = await verifiedImage(name, labels, input);
  const first = step.forced ? undefined : await findPublished(input);
  if (first !== undefined) return first;
  const manifest = await registry.manifest(name);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    // What was built after an interrupt does not count.
    signal.throwIfAborted();
    await registry.put(tag, manifest);
    if ((await registry.head(tag)) === built.digest) return built;
    const other = await findPublished(input);
    if (other !== undefined) return other;
  }
  throw new StepFailed(`another program keeps moving the tag ${tag}; run again`, { cause: 'registry' });
}

/** Returns the image under a step's content tag if it has the step's key, and was built on the images of needs that this run uses. */
export async function findPublished({ step, results, services }: Input): Promise<RemoteImage | undefined> {
  const task = step.task as ImageTask;
  const image = await services.registryMode!.registry.image(step.registryTag!, task.platform);
  const record = image && recordFromLabels(task, step.key, { id: '', ...image });
  const isUsable =
    record !== undefined &&
    imageNeedIds(task).every((id) =>
      isSameResult(record.needs[needNameOf(task, id)], resultIds(results.get(id)!)),
    );
  return isUsable ? image : undefined;
}

/** Returns what a record says of an image that a registry alone has. */
export function publishedFacts({
  ids,
  manifest,
  bytes,
}: RemoteImage): Pick<TaskRecord, 'imageId' | 'manifestDigest' | 'bytes'> {
  return { imageId: ids[0]!, manifestDigest: manifest.digest, bytes };
}

async function verifiedImage(
  name: string,
  labels: Readonly<Record<string, string>>,
  { step, services }: Input,
): Promise<RemoteImage> {
  const { platform } = step.task as ImageTask;
  const image = await services.registryMode!.registry.image(name, platform);
  if (image === undefined)
    throw new StepFailed(`the registry does not have ${name} for ${normalizePlatform(platform)}`, {
      cause: 'registry',
    });
  const wrong = Object.entries(labels).find(([label, value]) => image.labels[label] !== value);
  if (wrong !== undefined)
    throw new StepFailed(`the built image ${name} does not carry the label ${wrong[0]} it was built with`);
  return image;
}
