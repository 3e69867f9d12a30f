import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { listOmissions } from '../adopt/list-omissions.ts';
import { type FoundDockerfile, readDockerfiles } from '../adopt/read-dockerfiles.ts';
import { type ForeignBuilds, ReadError } from '../adopt/target.ts';
import { TasksError } from '../model/errors.ts';
import { bakeFileNames, bakeFileSets, otherBakeFiles, readBakeSets } from './bake-files.ts';
import type { Host } from './host.ts';
import { readMakefile } from './makefile.ts';

/** Where targets are read from: a kind of file, and the file if it is not found by its name. */
export interface ForeignSource {
  readonly kind: 'bake' | 'compose' | 'make' | 'dockerfiles';
  /** Relative to the project root. */
  readonly file?: string;
}

/** What another tool says, and what else there is. */
export interface FoundBuilds extends ForeignBuilds {
  readonly kind: ForeignSource['kind'];
  /** What the targets are read from, for messages. */
  readonly source: string;
  /** Files that could be read instead, each with the command. */
  readonly others: readonly string[];
}

const fileNames = {
  bake: bakeFileNames,
  compose: ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'],
  make: ['GNUmakefile', 'makefile', 'Makefile'],
} as const;

/** Folders that hold no Dockerfiles of a project. */
const skippedFolders = new Set(['node_modules', 'vendor', 'dist', 'target', 'tasks']);

/** Reads `bake`, `compose:FILE` and so on. @throws TasksError with exit code 2 */
export function parseSource(text: string): ForeignSource {
  const [, kind, file] = /^(bake|compose|make)(?::(.+))?$/.exec(text) ?? [];
  if (kind === undefined)
    throw new TasksError(
      2,
      `--from ${text}: expected bake, compose or make, and :FILE if it has another name`,
      {
        hint: "for example --from bake:docker-bake.json, or --from 'bake:bakefiles/*.json' for several",
      },
    );
  return { kind: kind as 'bake' | 'compose' | 'make', ...(file === undefined ? {} : { file }) };
}

/**
 * Reads the targets of another tool. `source`: undefined for what is there: a bake file, a compose file, or Dockerfiles.
 * `names`: targets, services or make goals.
 * @throws TasksError with exit code 2 if there is nothing or it cannot be read, 3 if a program is missing
 */
export async function readForeignBuilds(
  root: string,
  source: ForeignSource | undefined,
  names: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<FoundBuilds> {
  try {
    if (source !== undefined) return await readSource(root, source, names, host, signal);
    return await readWhatIsThere(root, names, host, signal);
  } catch (error) {
    if (error instanceof ReadError) throw new TasksError(2, error.message, { cause: error });
    throw error;
  }
}

async function readWhatIsThere(
  root: string,
  names: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<FoundBuilds> {
  const make = findFile(root, 'make');
  const others = [...otherBakeFiles(root), ...(make === undefined ? [] : [makeNote(make)])];
  const bake = findFile(root, 'bake');
  const compose = findFile(root, 'compose');
  const read = async (source: ForeignSource): Promise<FoundBuilds> => {
    const found = await readSource(root, source, names, host, signal);
    return { ...found, others: [...found.others, ...others] };
  };
  if (bake !== undefined) {
    if (compose !== undefined) others.unshift(`${compose}: \`tasks init --from compose\` reads it`);
    return await read({ kind: 'bake' });
  }
  const dockerfiles = names.length > 0 ? [] : findDockerfiles(root);
  if (compose !== undefined)
    try {
      return await read({ kind: 'compose' });
    } catch (error) {
      // Many compose files only run images: the Dockerfiles are what there is.
      if (!(error instanceof ReadError) || dockerfiles.length === 0) throw error;
      others.unshift(`${compose}: ${error.message}`);
    }
  if (dockerfiles.length === 0)
    throw new TasksError(
      2,
      `nothing to write definitions from: no bake file, compose file or Dockerfile in ${root}`,
      {
        hint:
          make === undefined
            ? 'name a file: `tasks init --from bake:FILE`, compose:FILE or make:FILE'
            : '`tasks init --from make` reads what a Makefile builds',
      },
    );
  return { ...readFoundDockerfiles(root, dockerfiles), others };
}

function makeNote(file: string): string {
  return `${file}: \`tasks init --from make\` reads it by \`make -n\`, which runs its $(shell …) and the lines that begin with +`;
}

async function readSource(
  root: string,
  source: ForeignSource,
  names: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<FoundBuilds> {
  const { kind } = source;
  if (kind === 'dockerfiles') return { ...readFoundDockerfiles(root, findDockerfiles(root)), others: [] };
  const file = source.file ?? findFile(root, kind);
  if (file === undefined)
    throw new TasksError(2, `no ${kind} file in ${root}: expected ${fileNames[kind].join(' or ')}`, {
      hint: `name it: \`tasks init --from ${kind}:FILE\``,
    });
  const found = { kind, source: file, others: [] };
  if (kind === 'bake') {
    const sets = bakeFileSets(root, source.file);
    return { ...found, ...(await readBakeSets(root, sets, names, host, signal)) };
  }
  const absolute = path.resolve(root, file);
  if (!isFile(absolute)) throw new TasksError(2, `${file} is not a file`);
  if (kind === 'make') return { ...found, ...(await readMakefile(root, file, names, host, signal)) };
  // Loaded on demand: no other command reads YAML.
  const { readCompose } = await import('../adopt/read-compose.ts');
  const override = source.file === undefined ? overrideOf(root, file) : undefined;
  const folder = path.dirname(file);
  const variables = { ...readDotEnv(path.join(root, folder, '.env')), ...host.environment };
  const others = override === undefined ? [] : [`${override}: it is not read, and compose would`];
  return {
    ...found,
    ...readCompose(readFileSync(absolute, 'utf8'), { file, names, folder, variables }),
    others,
  };
}

/** Returns the file that compose merges into one whose name it finds itself. */
function overrideOf(root: string, file: string): string | undefined {
  const stem = file.replace(/\.ya?ml$/, '.override');
  return [`${stem}.yml`, `${stem}.yaml`].find((name) => isFile(path.join(root, name)));
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function findFile(root: string, kind: keyof typeof fileNames): string | undefined {
  const names = new Set(readdirSync(root));
  return fileNames[kind].find((name) => names.has(name));
}

function readDotEnv(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  const lines = readFileSync(file, 'utf8').matchAll(
    /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(?:"(.*)"|'(.*)'|([^#\n]*?))\s*(?:#.*)?$/gm,
  );
  return Object.fromEntries(
    [...lines].map(([, name, double, single, plain]) => [name!, double ?? single ?? plain ?? '']),
  );
}

/** Returns the paths of all Dockerfiles, without those in hidden folders. */
function findDockerfiles(root: string): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && !skippedFolders.has(entry.name)) visit(name);
      } else if (
        entry.isFile() &&
        /^(Dockerfile|Containerfile)([._-][\w.-]+)?$|\.(Dockerfile|Containerfile)$/i.test(entry.name) &&
        !/(\.dockerignore|\.template|\.tmpl|\.in|\.j2|\.md|~|\.orig|\.sh|\.py)$/i.test(entry.name)
      )
        found.push(name);
    }
  };
  visit('');
  return found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

function readFoundDockerfiles(root: string, paths: readonly string[]): Omit<FoundBuilds, 'others'> {
  if (paths.length === 0) throw new ReadError(`no Dockerfile in ${root}`);
  const files = paths.map(
    (name): FoundDockerfile => ({ path: name, text: readFileSync(path.join(root, name), 'utf8') }),
  );
  const builds = readDockerfiles(files, {
    rootName: path.basename(root),
    exists: (name) => existsSync(path.join(root, name)),
  });
  if (builds.targets.length === 0)
    throw new TasksError(2, `no Dockerfile in ${root} can be written as a definition`, {
      hint: [
        ...listOmissions(builds.omissions),
        ...(findFile(root, 'make') === undefined
          ? []
          : ['`tasks init --from make` reads what a Makefile builds']),
      ].join('\n'),
    });
  return {
    ...builds,
    kind: 'dockerfiles',
    source: paths.length === 1 ? paths[0]! : `${paths.length} Dockerfiles`,
  };
}
