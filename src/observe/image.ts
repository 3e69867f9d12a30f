import path from 'node:path';
import { type Disk, pathKind } from '../disk/disk.ts';
import { sha256 } from '../disk/sha256.ts';
import { wholeContext } from '../dockerfile/context-path.ts';
import type { ExternalImage, UsedPlatform } from '../dockerfile/external-image.ts';
import type { Memo } from '../incremental/memo.ts';
import type { Lock } from '../model/lock.ts';
import { machinePlatform } from '../model/machine.ts';
import type { ImageName, ObservedImage, ObservedNeed, UnpinnedInput } from '../model/observed.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { HasOnbuild } from '../model/ports.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { resolveBaseImages } from './base-images.ts';
import { ignoreFileName, listContext } from './build-context.ts';
import { contextWarnings } from './context-warnings.ts';
import { type DockerfileFacts, readDockerfileFacts } from './dockerfile-facts.ts';
import { dockerfileProblems, needFolderProblems, pathProblem } from './image-problems.ts';
import { findTestFault } from './image-test.ts';
import {
  contextImages,
  frontendProblems,
  namedContextProblems,
  observeContexts,
  unusedContextProblems,
} from './named-contexts.ts';
import { findMissingPaths } from './required-paths.ts';
import type { TaskProblem } from './task-problem.ts';
import { visibleFiles } from './visible-files.ts';
import { readBytes, readListed } from './walk.ts';

/** Where the inputs of an image task come from, and what tasks observed earlier say about it. */
export interface ImageSources {
  readonly root: string;
  readonly memo: Memo;
  readonly disk: Disk;
  /** Returns the result of `read`, which runs once per run for each id: many tasks share a context or a Dockerfile. */
  readOnce<T>(id: string, read: () => T): T;
  readonly programId: string;
  /** The pins of external images. */
  readonly lock: Lock;
  readonly hasOnbuild: HasOnbuild;
  /** Tasks with a base image that could not be checked for ONBUILD. The next run observes them again. */
  readonly unresolved: Set<TaskId>;
  readonly builderArgs: Readonly<Record<string, string>>;
  /**
   * Tasks whose images have ONBUILD instructions, which run in the builds of dependents; and the unpinned images that these
   * use.
   */
  readonly onbuildTasks: Map<TaskId, readonly string[]>;
}

/**
 * Reads the Dockerfile of an image task and the files of its context that the build can see. Passes problems of the
 * definition to `addProblem`. Returns undefined if the context or the Dockerfile is missing.
 * @throws Unreadable
 */
export async function observeImage(
  task: ImageTask,
  sources: ImageSources,
  addProblem: (problem: TaskProblem) => void,
): Promise<ObservedImage | undefined> {
  const context = path.resolve(sources.root, task.context);
  const dockerfile = dockerfilePath(task, sources);
  const { disk } = sources;
  const dockerfileKind = dockerfile === undefined ? 'file' : pathKind(disk, dockerfile);
  const problem = pathProblem(task, pathKind(disk, context), dockerfileKind);
  const missing = problem === undefined ? namedContextProblems(task, sources) : [problem];
  for (const found of missing) addProblem(found);
  if (missing.length > 0) return undefined;
  const listed = listContext(context, dockerfile, sources, addProblem);
  const { text, digest } = readDockerfile(task, sources);
  const facts = await readDockerfileFacts(task, text, sources);
  const images = [...facts.images, ...contextImages(task, facts)];
  for (const found of dockerfileProblems(task, text, facts, images)) addProblem(found);
  for (const found of needFolderProblems(task, listed)) addProblem(found);
  for (const found of frontendProblems(task, facts)) addProblem(found);
  for (const found of unusedContextProblems(task, facts)) addProblem(found);
  if (facts.hasTriggers) sources.onbuildTasks.set(task.id, facts.triggerImages);
  const { needed, external } = splitImages(task, facts, images);
  const base = await resolveBaseImages(external, task.platform, sources);
  if (base.isUnresolved) sources.unresolved.add(task.id);
  const onbuild = needOnbuildNotes(task, sources);
  const vague = [...facts.vague, ...base.vague, ...onbuild.vague];
  const named = observeContexts(task, facts, vague.length > 0, sources, addProblem);
  const reachable = vague.length === 0 ? facts.seen : undefined;
  const visible = visibleFiles(listed, reachable?.paths ?? [wholeContext]);
  const entries = visible.map((file) => readListed(file, sources.memo, disk));
  const blocks = findMissingPaths(task, text, facts.seen?.required ?? [], { listed, folder: context });
  const brokenTest = findTestFault(task, sources.root, disk);
  const ignoreFile = (): string => ignoreFileName(context, dockerfile, sources);
  return {
    kind: 'image',
    context: entries,
    ...(task.contexts === undefined ? {} : { contexts: named.contexts }),
    dockerfile: {
      source: dockerfile ?? task.dockerfile,
      ...(dockerfile === undefined ? { text } : {}),
      digest,
    },
    ...foreignRunsOf(task, facts),
    ...(facts.readsBuildPlatform || onbuild.vague.length > 0 ? { buildPlatform: machinePlatform() } : {}),
    ...usedBuilderArgs(sources.builderArgs, reachable),
    bases: base.bases,
    neededImages: needed,
    ...(reachable !== undefined ? { reachable: { steps: reachable.steps, args: reachable.args } } : {}),
    vague,
    ...(facts.features.length === 0 ? {} : { features: facts.features }),
    ...(facts.frontend === undefined ? {} : { frontend: facts.frontend }),
    ...(facts.frontendKind === 'engine' ? { usesEngineFrontend: true } : {}),
    ...(blocks.length === 0 ? {} : { blocks }),
    ...(brokenTest === undefined ? {} : { brokenTest }),
    impure: [...base.impure, ...facts.impure, ...onbuild.impure, ...named.impure],
    unpinnedFetches: facts.loose,
    suspect: [...contextWarnings(entries, task.context, ignoreFile, sources.memo), ...named.suspect],
  };
}

function foreignRunsOf(
  { platform: own }: ImageTask,
  { runPlatforms }: DockerfileFacts,
): Pick<ObservedImage, 'foreignRuns'> {
  const used = runPlatforms
    .filter((platform) => platform !== 'any')
    .map((platform) => normalizePlatform(platform === 'target' ? own : platform));
  const foreign = used.filter((platform) => platform !== normalizePlatform(machinePlatform()));
  return foreign.length === 0 ? {} : { foreignRuns: [...new Set(foreign)] };
}

/**
 * Returns the builder's args that the target declares, or all of them if its instructions are not known. Others change no
 * image.
 */
function usedBuilderArgs(
  args: Readonly<Record<string, string>>,
  reachable: { readonly args: readonly string[] } | undefined,
): Pick<ObservedImage, 'builderArgs'> {
  const used = Object.entries(args).filter(
    ([name]) => reachable === undefined || reachable.args.includes(name),
  );
  return used.length === 0 ? {} : { builderArgs: Object.fromEntries(used) };
}

/** Splits the images that a task's Dockerfile and named contexts name into those of its needs and external images. */
function splitImages(
  task: ImageTask,
  { needed }: DockerfileFacts,
  images: readonly ExternalImage[],
): { needed: ObservedNeed[]; external: ExternalImage[] } {
  const tasks = new Map(task.needs.map(({ name, tasks: [id] }) => [name, id!]));
  const references = new Set(task.needs.flatMap(({ name, isReference }) => (isReference ? name : [])));
  const external = images.filter(({ reference, place }) => place === 'syntax' || !references.has(reference));
  const implied = images.filter((image) => !external.includes(image));
  return {
    needed: [
      ...needed.map(({ arg, line, written }) => ({ task: tasks.get(arg)!, line, written })),
      ...implied.map(({ reference, line, context }) => ({
        task: tasks.get(reference)!,
        line,
        written: reference,
        ...(context === undefined ? {} : { context }),
      })),
    ],
    external,
  };
}

/**
 * Returns the images that a task's Dockerfile and named contexts name other than by digest: they may be images of the project. And the
 * build args of needs that are used for another platform than the task's.
 * Returns none if there is no Dockerfile; `observeImage` reports that.
 */
export async function readImageNames(task: ImageTask, sources: ImageSources): Promise<ImageName[]> {
  const dockerfile = dockerfilePath(task, sources);
  if (dockerfile !== undefined && pathKind(sources.disk, dockerfile) !== 'file') return [];
  const { text } = readDockerfile(task, sources);
  const facts = await readDockerfileFacts(task, text, sources);
  const { declaredArgs } = facts;
  const asked = ({ platform }: { readonly platform: UsedPlatform }): Pick<ImageName, 'platform'> =>
    platform === 'target' ? {} : { platform };
  const names = [...facts.images, ...contextImages(task, facts)].flatMap((image): ImageName[] => {
    const { reference, place, isPinned } = image;
    if (isPinned || place === 'syntax') return [];
    return [
      { reference, place, ...asked(image), ...(declaredArgs.includes(reference) ? { isArg: true } : {}) },
    ];
  });
  // Of needs, only those count that are used for another platform somewhere.
  const foreign = new Set(facts.needed.flatMap(({ arg, platform }) => (platform === 'target' ? [] : arg)));
  const needs = facts.needed
    .filter(({ arg }) => foreign.has(arg))
    .map((need): ImageName => ({ reference: need.arg, place: 'FROM', ...asked(need), isNeed: true }));
  return [...names, ...needs];
}

/**
 * Returns notes on needs with ONBUILD instructions, which may copy anything from this task's context and from other images.
 */
function needOnbuildNotes(
  task: ImageTask,
  { onbuildTasks }: ImageSources,
): { vague: string[]; impure: UnpinnedInput[] } {
  const needs = task.needs
    .flatMap((need) => (need.kind === 'image' ? need.tasks : []))
    .filter((id) => onbuildTasks.has(id));
  return {
    vague: needs.map((id) => `${id} has ONBUILD instructions, which run in this build`),
    impure: needs.flatMap((id) =>
      onbuildTasks.get(id)!.map(
        (name): UnpinnedInput => ({
          kind: 'image',
          source: name,
          detail: `ONBUILD of ${id} uses ${name}, which is not pinned by digest`,
        }),
      ),
    ),
  };
}

/** Returns the absolute path of a task's Dockerfile; undefined if the definition contains its text. */
function dockerfilePath(
  { dockerfile, dockerfileText }: ImageTask,
  { root }: Pick<ImageSources, 'root'>,
): string | undefined {
  return dockerfileText === undefined ? path.resolve(root, dockerfile) : undefined;
}

/**
 * Returns the text of a task's Dockerfile and its SHA-256 (hex). A file is read once per run: everything must come from the same
 * text.
 */
function readDockerfile(
  task: ImageTask,
  { root, disk, readOnce }: ImageSources,
): { readonly text: string; readonly digest: string } {
  const { dockerfileText: own } = task;
  if (own !== undefined) return { text: own, digest: sha256(Buffer.from(own)) };
  const dockerfile = path.resolve(root, task.dockerfile);
  return readOnce(`text of ${dockerfile}`, () => {
    const bytes = readBytes(dockerfile, disk);
    return { text: bytes.toString('utf8'), digest: sha256(bytes) };
  });
}
