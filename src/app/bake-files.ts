import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readBake } from '../adopt/read-bake.ts';
import { type ForeignBuilds, type ForeignTarget, ReadError } from '../adopt/target.ts';
import { TasksError } from '../model/errors.ts';
import { matchesWildcard } from '../model/wildcard.ts';
import type { Host } from './host.ts';
import { type FinishedProgram, runProgram } from './run-program.ts';

/** The files that bake reads if none is named, in its order: later ones override earlier ones. */
export const bakeFileNames = [
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
] as const;

/** Folders that hold no bake files of a project. */
const skippedFolders = /^(\.|node_modules$|vendor$|tasks$)/;

/**
 * Returns the bake files to read, each list as one file: the one named, all that a pattern such as `bakefiles/*.json` matches, or those
 * that bake finds by itself. @throws TasksError with exit code 2
 */
export function bakeFileSets(root: string, name: string | undefined): string[][] {
  const isFile = (file: string): boolean =>
    statSync(path.resolve(root, file), { throwIfNoEntry: false })?.isFile() === true;
  if (name === undefined) return [bakeFileNames.filter(isFile)];
  if (isFile(name)) return [[name]];
  if (!/[*?]/.test(name)) throw new TasksError(2, `${name} is not a file`);
  const folder = path.dirname(name);
  const names = readdirSync(path.resolve(root, folder)).filter((each) =>
    matchesWildcard(path.basename(name), each),
  );
  const files = names
    .sort(byNumber)
    .map((each) => path.join(folder, each))
    .filter(isFile);
  if (files.length === 0) throw new TasksError(2, `no file is named ${name}`);
  return files.map((file) => [file]);
}

/** Returns notes about bake files whose names bake does not look for, in the root and in its folders. */
export function otherBakeFiles(root: string): string[] {
  const found = new Map<string, string[]>();
  const look = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const isOwn = folder === '' && (bakeFileNames as readonly string[]).includes(entry.name);
      if (entry.isFile() && !isOwn && /(^|[.-])bake\b[^/]*\.(hcl|json)$/.test(entry.name))
        found.set(folder, [...(found.get(folder) ?? []), path.join(folder, entry.name)]);
      else if (folder === '' && entry.isDirectory() && !skippedFolders.test(entry.name)) look(entry.name);
    }
  };
  look('');
  return [...found].map(([folder, files]) => {
    const [first, ...more] = files.sort(byNumber);
    const pattern = `${folder}/*${path.extname(first!)}`;
    return more.length === 0
      ? `${first}: \`tasks init --from bake:${first}\` reads it`
      : `${first} and ${more.length} more: \`tasks init --from bake:${first}\` reads one, \`tasks init --from '${`bake:${pattern.replace(/^\//, '')}`}'\` all`;
  });
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Reads several bake files, each by itself. Targets of one name in several files are told apart by their files. */
export async function readBakeSets(
  root: string,
  sets: readonly (readonly string[])[],
  names: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<ForeignBuilds> {
  const read: ForeignBuilds[] = [];
  for (const files of sets) read.push(await readBakeFiles(root, files, names, host, signal));
  if (read.length === 1) return read[0]!;
  return {
    targets: read.flatMap(({ targets }, at) => withNames(targets, sets[at]![0]!)),
    omissions: read.flatMap(({ omissions }) => omissions),
  };
}

/** Puts the file before the names of targets, but of those whose names are those of their images: they have no tags. */
function withNames(targets: readonly ForeignTarget[], file: string): ForeignTarget[] {
  const names = new Map(
    targets.map(({ name, tags }) => [`target:${name}`, tags.length > 0 ? `${file}:${name}` : name]),
  );
  const contextOf = (source: string): string => {
    const name = names.get(source);
    return name === undefined ? source : `target:${name}`;
  };
  return targets.map((target) => ({
    ...target,
    name: names.get(`target:${target.name}`)!,
    contexts: Object.fromEntries(
      Object.entries(target.contexts).map(([name, source]) => [name, contextOf(source)]),
    ),
  }));
}

/**
 * Reads bake files by buildx, which evaluates them; without buildx, JSON only. `names`: targets and groups; none for the group
 * `default`, or else all targets.
 * @throws ReadError, TasksError with exit code 3 without buildx
 */
async function readBakeFiles(
  root: string,
  files: readonly string[],
  names: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<ForeignBuilds> {
  const file = files.find((each) => !each.includes('.override.')) ?? files[0]!;
  const texts = files.map((name) => readFileSync(path.resolve(root, name), 'utf8'));
  const onlyJson = files.length === 1 && file.endsWith('.json') ? texts[0] : undefined;
  // Reports text that is not JSON with our own message.
  if (onlyJson !== undefined) readBake(onlyJson, { file, names: [] });
  const flags = files.flatMap((name) => ['-f', name]);
  const print = (targets: readonly string[]): Promise<FinishedProgram> =>
    runProgram(['docker', 'buildx', 'bake', ...flags, '--print', ...targets], root, host, signal);
  let ran = await print(names);
  let asked = names;
  if (names.length === 0 && ran.code !== 0 && /failed to find target default/.test(ran.err)) {
    asked = texts.flatMap(targetNames);
    if (asked.length > 0) ran = await print(asked);
  }
  if (ran.code === 0) {
    const builds = readBake(ran.out, { file, names: asked });
    return asked === names ? builds : withoutParents(builds, texts);
  }
  if (onlyJson !== undefined && isMissing(ran)) return readBake(onlyJson, { file, names });
  const elsewhere = `on another machine run \`docker buildx bake ${flags.join(' ')} --print > bake.json\`; then \`tasks init --from bake:bake.json\``;
  if (isMissing(ran))
    throw new TasksError(3, `reading ${file} needs docker's buildx plug-in, which is not here`, {
      hint: `install it, or ${elsewhere}`,
    });
  const message = `docker buildx bake cannot read ${file}: ${lastProblem(ran.err)}`;
  // Old plug-ins do not know newer blocks and functions.
  if (/Unsupported block type|Unsupported argument|unknown function|no function named/i.test(ran.err))
    throw new TasksError(2, message, {
      hint: `\`docker buildx version\` may be too old for this file: update it, or ${elsewhere}`,
    });
  throw new ReadError(message);
}

function isMissing({ code, err }: FinishedProgram): boolean {
  return (
    code === undefined ||
    /unknown command|is not a docker command|unknown flag: --print|unknown shorthand flag/.test(err)
  );
}

function lastProblem(output: string): string {
  const lines = output.split('\n').filter((line) => !line.startsWith('#') && line.trim() !== '');
  return (lines.findLast((line) => /^ERROR/i.test(line)) ?? lines.at(-1) ?? '').replace(/^ERROR:\s*/i, '');
}

/** Drops targets that only hold what others inherit: they have no tags. */
function withoutParents({ targets, omissions }: ForeignBuilds, texts: readonly string[]): ForeignBuilds {
  const lists = texts.flatMap((text) => [...text.matchAll(/\binherits"?\s*[=:]\s*\[([^\]]*)\]/g)]);
  const parents = new Set(
    lists.flatMap(([, list]) => [...list!.matchAll(/"([^"]+)"/g)].map(([, name]) => name!)),
  );
  const contexts = new Set(targets.flatMap((target) => Object.values(target.contexts)));
  const left = targets.filter(
    ({ name, tags }) => !parents.has(name) || tags.length > 0 || contexts.has(`target:${name}`),
  );
  return { targets: left, omissions };
}

/** Returns the names of the targets of a bake file. Evaluates nothing: those of a matrix are a group of that name. */
function targetNames(text: string): string[] {
  const names = text.trimStart().startsWith('{')
    ? Object.keys((JSON.parse(text) as { target?: object }).target ?? {})
    : [...text.matchAll(/^[ \t]*target[ \t]+"?([\w.-]+)"?[ \t]*\{/gm)].map(([, name]) => name!);
  return [...new Set(names)].filter((name) => !name.startsWith('_'));
}
