import path from 'node:path';
import { type Disk, followLinks, type PathKind, pathKind } from '../disk/disk.ts';
import { withOpenFile } from '../disk/read.ts';
import { sha256 } from '../disk/sha256.ts';
import { compileIgnoreFile, IgnoreError, type IgnoreFile } from '../dockerfile/ignore-file.ts';
import type { ExternalImage } from '../dockerfile/reachable-stages.ts';
import type { Memo } from '../incremental/memo.ts';
import type { Lock } from '../model/lock.ts';
import type { ImageName, ObservedImage, ObservedNeed } from '../model/observed.ts';
import type { HasOnbuild } from '../model/ports.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { resolveBaseImages } from './base-images.ts';
import { contextWarnings } from './context-warnings.ts';
import { type DockerfileFacts, readDockerfileFacts } from './dockerfile-facts.ts';
import { visibleFiles } from './visible-files.ts';
import { type Filter, includeAll, type Listed, list, readListed, Unreadable } from './walk.ts';

/** A fault of a definition that only the disk shows. */
export interface TaskProblem {
  readonly field?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly hint?: string;
}

export interface ImageSources {
  readonly root: string;
  readonly memo: Memo;
  readonly disk: Disk;
  /** Does once a run what many tasks ask for: they share contexts. */
  readOnce<T>(id: string, look: () => T): T;
  /** Part of what facts are remembered under. */
  readonly programId: string;
  /** What images from outside are pinned to. */
  readonly lock: Lock;
  readonly askTriggers: HasOnbuild;
  /** Tasks of which more will be known once somebody can be asked. */
  readonly unresolved: Set<TaskId>;
  readonly builderArgs: Readonly<Record<string, string>>;
  /**
   * Tasks whose images make what is built on them run instructions (ONBUILD) that stand in another Dockerfile; and the
   * unpinned images that those take from.
   */
  readonly onbuildTasks: Map<TaskId, readonly string[]>;
}

/**
 * What an image task reads: its context after the ignore file, and its Dockerfile. Faults of the definition go to
 * `complain`; undefined is returned then.
 * @throws Unreadable
 */
export async function observeImage(
  task: ImageTask,
  reader: ImageSources,
  complain: (fault: TaskProblem) => void,
): Promise<ObservedImage | undefined> {
  const context = path.resolve(reader.root, task.context);
  const dockerfile = path.resolve(reader.root, task.dockerfile);
  const { disk } = reader;
  const [contextKind, dockerfileKind] = [pathKind(disk, context), pathKind(disk, dockerfile)];
  if (contextKind !== 'folder') {
    complain({
      field: 'context',
      message: lacking(contextKind, 'there is no such folder'),
      found: task.context,
      expected: 'a folder below the project root',
    });
    return undefined;
  }
  if (dockerfileKind !== 'file') {
    complain({
      field: 'dockerfile',
      message: lacking(dockerfileKind, 'there is no such file'),
      found: task.dockerfile,
      expected: 'a Dockerfile',
    });
    return undefined;
  }
  if (task.test !== undefined && !hasTest(path.join(reader.root, task.test), disk)) {
    complain({
      field: 'test',
      message: 'there is no such test',
      found: task.test,
      expected: 'a script, or a folder with an executable run',
    });
  }
  const listed = listContext(context, dockerfile, reader, complain);
  const { text, digest } = dockerfileText(dockerfile, reader);
  const facts = await readDockerfileFacts(task, text, reader);
  for (const fault of dockerfileFaults(task, facts)) complain(fault);
  for (const fault of folderFaults(task, listed)) complain(fault);
  if (facts.hasTriggers) reader.onbuildTasks.set(task.id, facts.triggerImages);
  const { needed, external } = partImages(task, facts);
  const { bases, isOpen, ...more } = await resolveBaseImages(external, task.platform, reader);
  if (isOpen) reader.unresolved.add(task.id);
  const triggers = triggerWarnings(task, reader);
  const vague = [...facts.vague, ...more.vague, ...triggers.vague];
  const seen = vague.length === 0 ? facts.seen : undefined;
  const visible = visibleFiles(listed, seen?.paths ?? [wholeContext]);
  const entries = visible.map((each) => readListed(each, reader.memo, disk));
  return {
    kind: 'image',
    context: entries,
    dockerfile: { source: dockerfile, digest },
    ...declaredOf(reader.builderArgs, seen),
    bases,
    needed,
    ...(seen !== undefined ? { reachable: { steps: seen.steps, args: seen.args } } : {}),
    vague,
    ...(facts.newForm !== undefined ? { newSyntax: facts.newForm } : {}),
    impure: [...more.impure, ...facts.impure, ...triggers.impure],
    unpinnedFetches: facts.loose,
    suspect: contextWarnings(entries, task.context, reader.memo),
  };
}

function lacking(kind: PathKind, message: string): string {
  return kind === 'circle' ? 'its links lead in a circle' : message;
}

/** Of the builder's args those that the Dockerfile declares: others change no image. All, where it is not understood. */
function declaredOf(
  args: Readonly<Record<string, string>>,
  seen: { readonly args: readonly string[] } | undefined,
): Pick<ObservedImage, 'builderArgs'> {
  const declared = Object.entries(args).filter(([name]) => seen === undefined || seen.args.includes(name));
  return declared.length === 0 ? {} : { builderArgs: Object.fromEntries(declared) };
}

const wholeContext = { path: '', isPattern: false };

/** The images that a task's Dockerfile names: those of tasks that it needs, and those from outside. */
function partImages(
  task: ImageTask,
  { images, needed }: DockerfileFacts,
): { needed: ObservedNeed[]; external: ExternalImage[] } {
  const tasks = new Map(task.needs.map(({ name, tasks: [id] }) => [name, id!]));
  const references = new Set(task.needs.flatMap(({ name, isReference }) => (isReference ? name : [])));
  const external = images.filter(({ reference, place }) => place === 'syntax' || !references.has(reference));
  const implied = images.filter((each) => !external.includes(each));
  return {
    needed: [
      ...needed.map(({ arg, line, written }) => ({ task: tasks.get(arg)!, line, written })),
      ...implied.map(({ reference, line }) => ({ task: tasks.get(reference)!, line, written: reference })),
    ],
    external,
  };
}

/**
 * Where a task's Dockerfile names images, but for those that are named by their digest: they may be images of the project.
 * What is wrong with the file is for `observeImage` to tell.
 */
export async function readImageNames(task: ImageTask, reader: ImageSources): Promise<ImageName[]> {
  const dockerfile = path.resolve(reader.root, task.dockerfile);
  if (pathKind(reader.disk, dockerfile) !== 'file') return [];
  const { text } = dockerfileText(dockerfile, reader);
  const { images, declaredArgs } = await readDockerfileFacts(task, text, reader);
  return images.flatMap(({ reference, place, isPinned }): ImageName[] => {
    if (isPinned || place === 'syntax') return [];
    return [{ reference, place, ...(declaredArgs.includes(reference) ? { isArg: true } : {}) }];
  });
}

/** ONBUILD of a needed image's Dockerfile may copy anything of this task's context, and of other images. */
function triggerWarnings(
  task: ImageTask,
  { onbuildTasks }: ImageSources,
): { vague: string[]; impure: string[] } {
  const needed = task.needs
    .flatMap((need) => (need.kind === 'image' ? need.tasks : []))
    .filter((id) => onbuildTasks.has(id));
  return {
    vague: needed.map((id) => `${id} has ONBUILD instructions, which run here`),
    impure: needed.flatMap((id) =>
      onbuildTasks
        .get(id)!
        .map((name) => `ONBUILD of ${id} takes from ${name}, which is not pinned by digest`),
    ),
  };
}

function listContext(
  context: string,
  dockerfile: string,
  reader: ImageSources,
  complain: (fault: TaskProblem) => void,
): readonly Listed[] {
  const own = `${dockerfile}.dockerignore`;
  const ignoreFile = [own, path.join(context, '.dockerignore')].find(
    (file) => pathKind(reader.disk, file) === 'file',
  );
  return reader.readOnce(`${context}\0${ignoreFile ?? ''}`, () => {
    let filter: Filter = includeAll;
    try {
      if (ignoreFile !== undefined) filter = asFilter(compileIgnoreFile(readText(ignoreFile, reader.disk)));
    } catch (error) {
      if (!(error instanceof IgnoreError)) throw error;
      complain({ field: 'context', message: `${path.relative(reader.root, ignoreFile!)}: ${error.message}` });
    }
    return list(context, withoutState(filter, context, reader.root), reader.disk);
  });
}

function readText(file: string, disk: Disk): string {
  return readBytes(file, disk).toString('utf8');
}

function asFilter(ignore: IgnoreFile): Filter {
  return { omits: (child) => ignore.ignores(child), mayEnter: (child) => ignore.mayReinclude(child) };
}

/** A path as it is below a folder; undefined where it stands elsewhere. Both absolute and clean. */
function within(folder: string, file: string): string | undefined {
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  return file.startsWith(prefix) ? file.slice(prefix.length) : undefined;
}

/** The project's own `.cache/` changes with every run and is in no context. */
function withoutState(filter: Filter, context: string, root: string): Filter {
  const state = within(context, path.join(root, '.cache'));
  if (state === undefined) return filter;
  return {
    omits: (child) => child === state || filter.omits(child),
    mayEnter: (child) => child !== state && filter.mayEnter(child),
  };
}

/** Read once a run: where its images are named and what is built is told from one text. */
function dockerfileText(
  dockerfile: string,
  { disk, readOnce }: ImageSources,
): ReturnType<typeof readDockerfile> {
  return readOnce(`text of ${dockerfile}`, () => readDockerfile(dockerfile, disk));
}

/** The facts are of this text, and so must be what is sent. */
function readDockerfile(dockerfile: string, disk: Disk): { readonly text: string; readonly digest: string } {
  const bytes = readBytes(dockerfile, disk);
  const text = bytes.toString('utf8');
  return { text, digest: sha256(bytes) };
}

function dockerfileFaults(task: ImageTask, facts: DockerfileFacts): TaskProblem[] {
  const faults: TaskProblem[] = facts.faults.map((fault) => ({
    field: 'dockerfile',
    message: `${task.dockerfile}:${fault.line}: ${fault.message}`,
    ...(fault.found !== undefined ? { found: fault.found } : {}),
    ...(fault.expected !== undefined ? { expected: fault.expected } : {}),
  }));
  if (faults.length > 0) return faults;
  const images = task.needs.filter((need) => need.kind === 'image' && !need.isReference);
  const undeclared = images.filter((need) => !facts.declaredArgs.includes(need.name));
  return [
    ...missingImages(task, facts),
    ...undeclared.map((need) => ({
      field: `needs.${need.name}`,
      message: `no ARG of ${task.dockerfile} declares ${need.name}: the build would not see the needed image`,
      expected:
        facts.declaredArgs.length > 0 ? `one of ${facts.declaredArgs.join(', ')}` : `a line ARG ${need.name}`,
    })),
  ];
}

/** Needs by the name of an image that no instruction of the target names. */
function missingImages(task: ImageTask, { images }: DockerfileFacts): TaskProblem[] {
  const names = images.flatMap(({ place, reference }) => (place === 'syntax' ? [] : reference));
  const missing = task.needs.filter(({ name, isReference }) => isReference && !names.includes(name));
  return missing.map(({ name }) => ({
    field: `needs.${name}`,
    message: `${task.dockerfile} does not name this image: the build would not see the needed one`,
    expected: names.length > 0 ? `one of ${[...new Set(names)].join(', ')}` : 'an ARG that holds it',
  }));
}

function folderFaults(task: ImageTask, listed: readonly Listed[]): TaskProblem[] {
  const isThere = (name: string): boolean =>
    listed.some((each) => each.path === name || each.path.startsWith(`${name}/`));
  return task.needs
    .filter((need) => need.kind === 'files' && isThere(need.name))
    .map((need) => ({
      field: `needs.${need.name}`,
      message: `the needed files would stand in the context as ${need.name}/, and ${task.context}/${need.name} is there already`,
      hint: 'give the need another name, or rename what is in the context',
    }));
}

function hasTest(file: string, disk: Disk): boolean {
  const kind = pathKind(disk, file);
  return kind === 'file' || (kind === 'folder' && pathKind(disk, path.join(file, 'run')) === 'file');
}

/** A file's bytes, links followed; the next reading overwrites them. @throws Unreadable */
function readBytes(file: string, disk: Disk): Buffer {
  const stat = followLinks(disk, file);
  if (stat === undefined || stat === 'circle' || stat.kind !== 'file')
    throw new Unreadable(`${file} is no regular file`);
  try {
    return withOpenFile(file, stat.stamp, (opened) => {
      if (!opened.isSame) disk.markIncomplete();
      return opened.readShort() ?? opened.readAll();
    });
  } catch (error) {
    throw new Unreadable(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
