import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { keyLabel, needsLabel, taskLabel } from '../model/labels.ts';
import type { ObservedImage } from '../model/observed.ts';
import { platformArgs } from '../model/platform.ts';
import { type Builder, type BuildRequest, type ContextEntry, StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { registryHostOf } from '../model/reference.ts';
import { type ImageTask, type SshSource, versionIdOf } from '../model/task.ts';
import { explainMissingSource } from '../observe/missing-source.ts';
import { namedRegistries } from '../observe/named-registries.ts';
import { prepareDockerfile } from '../observe/prepare-dockerfile.ts';
import { buildCacheTag, repositoryOf } from '../plan/refs.ts';
import { claimContentTag, publishedFacts } from './content-tag.ts';
import { requestContexts } from './named-contexts.ts';
import {
  contentTagOf,
  exactNameOf,
  imageNeedIds,
  nameNeedImages,
  type UsedTags,
  withStableNeeds,
} from './need-images.ts';
import { needFileEntries, needImageArgs, needResults } from './needs.ts';
import { makeWorkFolder, storeOutputs } from './output-files.ts';
import { resolveSecrets } from './secrets.ts';
import type { Services } from './services.ts';
import type { StepInput } from './step-input.ts';

/**
 * Builds an image and sets its tags, or exports its files. Returns the record without writing it.
 * @throws StepFailed, TasksError, or the signal's reason
 */
export async function executeImageStep(input: StepInput): Promise<TaskRecord> {
  const { step, results, services, progress, signal } = input;
  const task = step.task as ImageTask;
  const builder = builderOf(input);
  const started = services.clock.now();
  const needs = needResults(task, results);
  const work = task.output === 'files' ? makeWorkFolder(step.key, services) : undefined;
  try {
    const { request, usedTags } = await makeBuildRequest(input, task, needs, work);
    const image = await withStableNeeds(usedTags, input, async () => {
      try {
        return await builder.build(pushed(request, input), progress, signal);
      } catch (error) {
        throw withHint(error, path.join(services.root, task.context));
      }
    });
    // A build that ends after it was canceled counts as canceled.
    signal.throwIfAborted();
    const now = services.clock.now();
    // The clock may have been set back.
    const durationMs = Math.max(0, now.getTime() - started.getTime());
    const common = {
      key: step.key,
      task: task.id,
      needs,
      durationMs,
      tags: step.newTags,
      time: now.toISOString(),
      run: services.runId,
    };
    if (request.exportTo !== undefined)
      return { ...common, ...storeOutputs(request.exportTo, step.key, services) };
    const { imageId, configDigest, bytes } = image!;
    if (input.node !== undefined) {
      const published = await claimContentTag(imageId, request.labels, input);
      return { ...common, ...publishedFacts(published), node: input.node.name };
    }
    // At once: containerd's image store takes 8 ms for each.
    await Promise.all([step.contentTag!, ...step.newTags].map((tag) => services.engine!.tag(imageId, tag)));
    return { ...common, imageId, ...(configDigest === undefined ? {} : { configDigest }), bytes };
  } finally {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  }
}

/** Returns what builds a step. */
export function builderOf({ node, services }: Pick<StepInput, 'node' | 'services'>): Builder {
  return node?.builder ?? services.engine!;
}

/** A node pushes the image, with what is attested of it, and its build cache. */
function pushed(request: BuildRequest, { node, step, services }: StepInput): BuildRequest {
  if (node === undefined || request.exportTo !== undefined) return request;
  const { cacheTo } = services.registryMode!;
  const { attest, annotations, maxAgeMs } = step.task as ImageTask;
  return {
    ...request,
    pushTo: repositoryOf(step.registryTag!),
    // With maxAge, a cache from elsewhere may hold older downloads.
    ...(cacheTo === undefined || maxAgeMs !== undefined
      ? {}
      : { cacheTag: buildCacheTag(step.task as ImageTask, cacheTo) }),
    ...(attest === undefined ? {} : { attest }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** Whether a node did not build the task in its current period, so that its cache may hold older downloads. */
function hasOlderCache({ node, step }: Pick<StepInput, 'node' | 'step'>, { maxAgeMs }: ImageTask): boolean {
  return maxAgeMs !== undefined && node !== undefined && node.name !== step.cacheNode;
}

/** Adds a hint to the error of an instruction that did not find a path in the build context. */
function withHint(error: unknown, context: string): unknown {
  if (!(error instanceof StepFailed) || error.facts.missingPath === undefined) return error;
  const hint = explainMissingSource(error.facts.missingPath, context);
  return hint === undefined ? error : new StepFailed(`${error.message}\n${hint}`, error.facts);
}

/** Returns the build request for a task, and the tags of needs that it uses. `work`: an empty folder, if the files are exported. */
export async function makeBuildRequest(
  input: Omit<StepInput, 'progress' | 'signal'>,
  task: ImageTask,
  needs: Record<string, string>,
  work: string | undefined,
): Promise<{ request: BuildRequest; usedTags: UsedTags }> {
  const { step, plan, services } = input;
  const { addHosts, shmSize, ulimits, cgroupParent, allow } = task;
  const observed = input.observations.get(task.id) as ObservedImage;
  const context = path.join(services.root, task.context);
  const contextEntries = observed.context.map(
    (entry): ContextEntry => ({ entry, source: path.join(context, entry.path) }),
  );
  const { namedContexts, platform: builderPlatform } = await builderOf(input).abilities();
  const { dockerfile, namedImages, usedTags } = await pinNeeds(input, task, observed, namedContexts);
  const registries = registriesOf(observed, input);
  const request: BuildRequest = {
    task: task.id,
    context: [...contextEntries, ...needFileEntries(task, plan, input.results, services)],
    dockerfile,
    namedImages,
    ...(observed.contexts === undefined
      ? {}
      : { contexts: requestContexts(observed, services.root, (id) => exactNameOf(id, input)) }),
    options: { addHosts, shmSize, ulimits, cgroupParent, allow },
    ...(task.target !== undefined ? { target: task.target } : {}),
    platform: task.platform,
    network: task.network,
    args: {
      ...observed.builderArgs,
      ...buildPlatformArgs(observed, dockerfile.text, builderPlatform),
      ...task.args,
      ...needImageArgs(task, plan),
    },
    // Set all of our labels, because images inherit labels from their base.
    labels: {
      ...task.volatileLabels,
      ...task.labels,
      [keyLabel]: step.key,
      [taskLabel]: versionIdOf(task.id),
      [needsLabel]: JSON.stringify(needs),
    },
    noCache: step.noCache || hasOlderCache(input, task),
    secrets: resolveSecrets(task, services),
    ...(registries === undefined ? {} : { registries }),
    ...(task.ssh === undefined ? {} : { ssh: sshSockets(task.ssh, services) }),
    ...(work === undefined ? {} : { exportTo: exportFolder(work) }),
  };
  return { request, usedTags };
}

/**
 * Makes a build use the images that this run has for its needs. In a Dockerfile that is not fully understood, only named contexts
 * can do that; without them, the build uses whatever image has the content tag.
 */
async function pinNeeds(
  input: Omit<StepInput, 'progress' | 'signal'>,
  task: ImageTask,
  { dockerfile, bases, reachable, neededImages = [] }: ObservedImage,
  namedContexts: boolean,
): Promise<Pick<BuildRequest, 'dockerfile' | 'namedImages'> & { usedTags: UsedTags }> {
  const { plan } = input;
  const inDockerfile = ({ context }: { readonly context?: string }): boolean => context === undefined;
  const places = neededImages.filter(inDockerfile).map(({ task: id, line, written }) => ({
    line,
    written,
    name: contentTagOf(id, plan),
    exactTag: exactNameOf(id, input),
  }));
  const prepared = await prepareDockerfile(dockerfile, bases.filter(inDockerfile), places, namedContexts);
  const { usesNamedContexts } = prepared;
  const known = neededImages.map((each) => each.task);
  const pinned = usesNamedContexts && reachable === undefined ? imageNeedIds(task) : known;
  const exact = await nameNeedImages(pinned, input);
  const named = usesNamedContexts ? [...exact].map(([id, tag]) => [contentTagOf(id, plan), tag]) : [];
  return {
    dockerfile: prepared.dockerfile,
    namedImages: Object.fromEntries(named) as Record<string, string>,
    usedTags: {
      exact,
      unpinned: reachable === undefined ? imageNeedIds(task).filter((id) => !exact.has(id)) : [],
    },
  };
}

/** Returns the hosts that a build gets logins for: a node also pulls the images of needs, and pushes. */
function registriesOf(
  observed: ObservedImage,
  { step, services }: Pick<StepInput, 'step' | 'services'>,
): readonly string[] | undefined {
  const named = namedRegistries(observed);
  const { registryMode } = services;
  if (named === undefined || registryMode === undefined || step.registryTag === undefined) return named;
  const { cacheTo } = registryMode;
  const own = [step.registryTag, ...(cacheTo === undefined ? [] : [`${cacheTo}:any`])];
  return [...new Set([...named, ...own.map((tag) => registryHostOf(tag)!)])];
}

function sshSockets(
  sources: Readonly<Record<string, SshSource>>,
  { sshSocket }: Services,
): Record<string, string> {
  return Object.fromEntries(Object.entries(sources).map(([id, source]) => [id, sshSocket(source)]));
}

/**
 * Returns the build args that make a builder on another platform's machine use the build platform that the key says. A builder of
 * that platform gets none: it knows the values, and given ones would win over the defaults that a Dockerfile may have for them. An
 * engine does not say which variant of arm it is, so it gets them.
 */
export function buildPlatformArgs(
  { buildPlatform }: ObservedImage,
  dockerfile: Uint8Array,
  builderPlatform: string,
): Record<string, string> {
  if (buildPlatform === undefined || builderPlatform === buildPlatform) return {};
  // An arg that the Dockerfile does not name would be warned about.
  const text = Buffer.from(dockerfile).toString('latin1');
  const args = Object.entries(platformArgs(buildPlatform)).map(
    ([name, value = '']) => [`BUILD${name}`, value] as const,
  );
  return Object.fromEntries(args.filter(([name]) => text.includes(name)));
}

function exportFolder(work: string): string {
  const folder = path.join(work, 'export');
  mkdirSync(folder);
  return folder;
}
